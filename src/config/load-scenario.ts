import { readFileSync } from 'node:fs';
import type { Env } from './env.ts';
import { EnvMask } from './env.ts';
import type { Fault } from './faults.ts';
import { FaultList } from './faults.ts';
import type { SchemaNode } from './fields.ts';
import { unreadableReason } from './pem-files.ts';
import { readBySchema } from './read.ts';
import type { ScenarioShape } from './schema-scenario.ts';
import { ScenarioSchema } from './schema-scenario.ts';
import { parseYaml } from './yaml-source.ts';

export type ScenarioResult = { readonly scenario: ScenarioShape } | { readonly faults: readonly Fault[] };

/** Loads a scenario of the lab. Never throws: a file that cannot be read is a fault too. Blocks while it reads. */
export function loadScenarioFile(file: string, env: Env): ScenarioResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const message = `cannot be read: ${unreadableReason(error)}`;
    return { faults: [{ code: 'unreadable', file, line: 0, column: 0, path: '', hint: undefined, message }] };
  }
  const faults = new FaultList(file, text);
  const mask = new EnvMask(text);
  const source = parseYaml(mask.masked, faults);
  const { value } = readBySchema(source, ScenarioSchema as unknown as SchemaNode, mask, env, faults);
  return faults.empty ? { scenario: value as ScenarioShape } : { faults: faults.sorted() };
}
