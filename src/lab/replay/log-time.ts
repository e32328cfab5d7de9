/** Times as access logs write them. */
export interface LogTime {
  /** Unix milliseconds, with fraction. */
  readonly ms: number;
  readonly wholeSecond: boolean;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** `10/Oct/2000:13:55:36 -0700`, as `%t` of Apache and `$time_local` of nginx; some add a fraction of the second. */
const CLF = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(\.\d{1,9})? ([+-])(\d{2})(\d{2})$/;
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)([.,]\d{1,9})?\s*(Z|[+-]\d{2}:?\d{2})?$/i;
const NUMBER = /^\d{9,20}(?:\.\d{1,9})?$/;
/** A number is seconds, milliseconds, microseconds or nanoseconds by its size: until the year 5138, and since 1973. */
const SECONDS_BELOW = 1e11;

/** Many lines share a second. */
let last: { readonly text: string; readonly time: LogTime | undefined } = { text: '', time: undefined };

/** Text of a time; undefined when it is none. A time without a zone is UTC. */
export function parseLogTime(text: string): LogTime | undefined {
  if (text !== last.text) last = { text, time: NUMBER.test(text) ? logTimeOf(Number(text)) : (clf(text) ?? iso(text)) };
  return last.time;
}

/** Of a number since the Unix epoch. */
export function logTimeOf(value: number): LogTime | undefined {
  if (!Number.isFinite(value) || value <= 0) return undefined;
  let ms = value * 1_000;
  for (let size = SECONDS_BELOW; value >= size; size *= 1_000) ms /= 1_000;
  return { ms, wholeSecond: value < SECONDS_BELOW && Number.isInteger(value) };
}

function clf(text: string): LogTime | undefined {
  const match = CLF.exec(text);
  if (match === null) return undefined;
  const [, day, name = '', year, hour, minute, second, fraction, sign, zoneHours, zoneMinutes] = match;
  const month = MONTHS.indexOf(name);
  if (month === -1) return undefined;
  const local = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000 * (sign === '-' ? -1 : 1);
  const ms = local - zone + (fraction === undefined ? 0 : Number(fraction) * 1_000);
  return Number.isFinite(ms) ? { ms, wholeSecond: fraction === undefined } : undefined;
}

function iso(text: string): LogTime | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, date = '', time = '', fraction, zone = 'Z'] = match;
  const whole = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (!Number.isFinite(whole)) return undefined;
  const ms = fraction === undefined ? 0 : Number(`0.${fraction.slice(1)}`) * 1_000;
  return { ms: whole + ms, wholeSecond: fraction === undefined };
}
