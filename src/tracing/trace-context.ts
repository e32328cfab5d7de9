/**
 * The context that a caller sends with a request, and the one that goes on: W3C Trace Context,
 * https://www.w3.org/TR/trace-context/.
 */

/** Where a trace stands: the caller's span, and what it decided. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** What tracing systems add for themselves: `tracestate`, passed on as it came; undefined when there is none. */
  readonly state: string | undefined;
}

/** Version 00 ends after the flags; a later one may go on after a dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const SAMPLED = 1;

const MAX_STATE_MEMBERS = 32;
/** Vendors should pass on 512 characters at least; a header as a whole is bounded elsewhere. */
const MAX_STATE = 4_096;
// key=value: a key of lower case letters, digits and a few marks; a printable value without comma and equals sign, not ending in a space.
const STATE_MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * The caller's context. undefined: it sent none, or one that cannot be read, and then a trace starts here and what else it
 * sent is dropped.
 * @param fields of the request's header, flat
 */
export function readTraceContext(fields: readonly string[]): TraceContext | undefined {
  let parent: string | undefined;
  let state: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (name.length === 11 && name.toLowerCase() === 'traceparent') {
      // Two parents contradict each other.
      if (parent !== undefined) return undefined;
      parent = fields[i + 1] ?? '';
    } else if (name.length === 10 && name.toLowerCase() === 'tracestate') {
      const value = fields[i + 1] ?? '';
      state = state === undefined ? value : `${state},${value}`;
    }
  }
  if (parent === undefined) return undefined;
  const match = TRACEPARENT.exec(parent);
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  const sampled = (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED;
  return { traceId, spanId, sampled, state: state === undefined ? undefined : soundState(state) };
}

/** The fields that carry a trace on, flat: version 00, and no flag but the one that is understood. */
export function traceFields(traceId: string, spanId: string, sampled: boolean, state: string | undefined): string[] {
  const parent = `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
  return state === undefined ? ['traceparent', parent] : ['traceparent', parent, 'tracestate', state];
}

/** A list that breaks the rules is dropped as a whole; the trace goes on without it. */
function soundState(state: string): string | undefined {
  if (state.length > MAX_STATE) return undefined;
  const members = state
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  if (members.length === 0 || members.length > MAX_STATE_MEMBERS) return undefined;
  return members.every((member) => STATE_MEMBER.test(member)) ? members.join(',') : undefined;
}
