import { formatDuration, parseDuration } from './duration.ts';
import type { Rate } from './types.ts';

export const RATE_HINT = 'a rate is count/window: 100/1m, 10/1s, 5000/1h';
const PATTERN = /^(\d+)\/(\d*(?:ms|s|m|h|d))$/;

/** `100/1m` (or `100/m`) as a rate; undefined when it is not one or either side is zero. */
export function parseRate(text: string): Rate | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const count = Number(match[1]);
  const span = match[2] ?? '';
  const windowMs = parseDuration(/^\d/.test(span) ? span : `1${span}`);
  if (windowMs === undefined || windowMs === 0 || count === 0 || !Number.isSafeInteger(count)) return undefined;
  return { count, windowMs };
}

/** The canonical spelling: `100/1m`. */
export function formatRate(rate: Rate): string {
  return `${rate.count}/${formatDuration(rate.windowMs)}`;
}
