/** Flags that the lab's commands have in common, and how they write what was found. */
import { writeFileSync } from 'node:fs';
import { reasonOf, SluiceError } from '../core/errors.ts';

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
  throw new SluiceError('SLUICE_USAGE', `${flag}: ${JSON.stringify(text)} is no whole number from ${least} to ${most}`);
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

/** For scripts; ends with a line feed. */
export function jsonOf(report: unknown): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
