/** ISO 8601 of milliseconds since the Unix epoch. A peer may say anything of itself: what is no time is the epoch. */
export function timeText(ms: number): string {
  return new Date(Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
}
