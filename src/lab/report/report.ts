import type { Report, Setup, VerdictNote } from './model.ts';
import { REPORT_VERSION } from './model.ts';
import { checkReality } from './reality.ts';
import type { MeasuredCell } from './rows.ts';
import { rowsOf } from './rows.ts';

export interface ReportInput {
  readonly seed: number;
  readonly scenario: string;
  readonly setup: Setup;
  readonly cells: readonly MeasuredCell[];
  readonly verdicts?: readonly VerdictNote[];
}

/** The same input gives the same report. */
export function buildReport({ seed, scenario, setup, cells, verdicts = [] }: ReportInput): Report {
  const rows = rowsOf(cells, setup.intervalSeconds);
  const reality = checkReality(rows);
  return {
    ...{ version: REPORT_VERSION, seed, scenario, setup, rows, verdicts },
    ...(reality.length === 0 ? {} : { reality }),
  };
}

/** A report for scripts; ends with a line feed. */
export function reportJson(report: object): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
