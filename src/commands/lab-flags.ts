/** Flags that the lab's commands have in common, and how they write what was found. */
import { writeFileSync } from 'node:fs';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { reasonOf, SluiceError } from '../core/errors.ts';

export function usage(message: string): SluiceError {
  return new SluiceError('SLUICE_USAGE', message);
}

/**
 * A flag that is a whole number from `least` to `most`; `preset` when it was not given.
 * @throws SluiceError SLUICE_USAGE
 */
export function numberFlag(
  text: string | undefined,
  flag: string,
  preset: number,
  least: number,
  most: number,
): number {
  return text === undefined ? preset : wholeNumber(text, flag, least, most);
}

/** @throws SluiceError SLUICE_USAGE */
export function wholeNumber(text: string, flag: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text.trim()) && value >= least && value <= most) return value;
  throw usage(`${flag}: ${JSON.stringify(text)} is no whole number from ${least} to ${most}`);
}

/**
 * A flag that is a duration from `least` to `most`, in milliseconds.
 * @throws SluiceError SLUICE_USAGE
 */
export function duration(text: string, flag: string, least: number, most: number): number {
  const ms = parseDuration(text.trim());
  if (ms !== undefined && ms >= least && ms <= most) return ms;
  throw usage(
    `${flag}: ${JSON.stringify(text)} is no duration from ${formatDuration(least)} to ${formatDuration(most)}`,
  );
}

/**
 * Writes the report to `file`, if that was asked for.
 * @throws SluiceError SLUICE_OUTPUT
 */
export function writeReport<R>(file: string | undefined, report: R, text: (report: R) => string): void {
  if (file === undefined) return;
  try {
    writeFileSync(file, text(report));
  } catch (error) {
    throw new SluiceError('SLUICE_OUTPUT', `cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  }
}
