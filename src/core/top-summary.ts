/** What instances tell each other of a limit's busiest keys: bounded, as text, and read without trust. */
import type { HeavyKey, Summary } from './space-saving.ts';
import { mergeSummaries } from './space-saving.ts';

/** What one instance has counted. */
export interface TopSummary {
  /** Seconds that it covers. */
  readonly seconds: number;
  readonly asked: Summary;
  readonly refused: Summary;
}

/** A summary, and the host that counted it. */
export interface SentTop extends TopSummary {
  readonly host: string;
}

/** What all instances that answered have counted, added up, and who that was. */
export interface FleetTopAnswer extends TopSummary {
  readonly instances: readonly { readonly id: string; readonly host: string; readonly seconds: number }[];
  /** Instances that are known to live and did not answer in time. */
  readonly missing: readonly string[];
}

/** @param found what each instance sent, by its id */
export function addUpTops(found: ReadonlyMap<string, SentTop>, missing: readonly string[]): FleetTopAnswer {
  const all = [...found.values()];
  return {
    seconds: all.reduce((longest, { seconds }) => Math.max(longest, seconds), 0),
    asked: mergeSummaries(all.map(({ asked }) => asked)),
    refused: mergeSummaries(all.map(({ refused }) => refused)),
    instances: [...found].map(([id, { host, seconds }]) => ({ id, host, seconds })),
    missing,
  };
}

/** Keys that travel of each list: what is cut off raises the floor, and bounds stay bounds. */
const MOST_KEYS = 100;
const MOST_KEY_CHARACTERS = 128;
const MOST_HOST_CHARACTERS = 253;
/** What keys are written with; anything else could steer the terminal that shows it. */
const KEY = /^[!-~]+$/;
const HOST = /^[ -~]*$/;

export function writeTop({ host, seconds, asked, refused }: SentTop): string {
  const whole = Math.round(seconds * 10) / 10;
  const name = host.slice(0, MOST_HOST_CHARACTERS).replace(/[^ -~]/g, '?');
  return JSON.stringify([1, name, whole, cut(asked), cut(refused)]);
}

/** undefined when `text` is none, or of another version. */
export function readTop(text: string): SentTop | undefined {
  const [version, host, seconds, ...lists] = parsed(text);
  const [asked, refused] = lists.map(readSummary);
  if (version !== 1 || typeof host !== 'string' || host.length > MOST_HOST_CHARACTERS || !HOST.test(host))
    return undefined;
  if (!isCount(seconds) || asked === undefined || refused === undefined) return undefined;
  return { host, seconds, asked, refused };
}

type SentKey = readonly [key: string, count: number, error: number];

function cut({ keys, floor }: Summary): readonly [floor: number, keys: readonly SentKey[]] {
  const sent = keys.slice(0, MOST_KEYS).map(({ key, count, error }): SentKey => [key, count, error]);
  return [Math.max(floor, keys[MOST_KEYS]?.count ?? 0), sent];
}

function readSummary(list: unknown): Summary | undefined {
  const [floor, sent] = Array.isArray(list) ? (list as unknown[]) : [];
  if (!isCount(floor) || !Array.isArray(sent) || sent.length > MOST_KEYS) return undefined;
  const keys: HeavyKey[] = [];
  for (const each of sent as unknown[]) {
    const [key, count, error] = Array.isArray(each) ? (each as unknown[]) : [];
    if (typeof key !== 'string' || key.length > MOST_KEY_CHARACTERS || !KEY.test(key)) return undefined;
    if (!isCount(count) || !isCount(error) || error > count) return undefined;
    keys.push({ key, count, error });
  }
  return { keys, floor };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function parsed(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
