import { readCombinedLine } from './combined-line.ts';
import { readJsonLine } from './json-line.ts';
import type { ReadLine } from './log-entry.ts';

/** One line of an access log, in whichever format it is. Never throws. */
export function readLogLine(line: string): ReadLine {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return 'other';
  return text.startsWith('{') ? readJsonLine(text) : readCombinedLine(text);
}
