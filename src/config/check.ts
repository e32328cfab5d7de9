import type { Env } from './env.ts';
import { formatFault } from './faults.ts';
import { loadConfigFile } from './load.ts';

/** What `sluice check` prints, line by line, and how it exits. */
export interface CheckReport {
  readonly lines: readonly string[];
  readonly exitCode: 0 | 1;
}

/** Checks a configuration file. Never throws. */
export function checkFile(file: string, env: Env): CheckReport {
  const result = loadConfigFile(file, env);
  if ('faults' in result) {
    const { faults } = result;
    return { lines: [...faults.map(formatFault), `${file}: ${count(faults.length, 'fault')}`], exitCode: 1 };
  }
  const { upstreams, routes, limits } = result.config;
  const parts = [count(routes.length, 'route'), count(limits.size, 'limit'), count(upstreams.size, 'upstream')];
  return { lines: [`${file}: ok, ${parts.join(', ')}`], exitCode: 0 };
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
