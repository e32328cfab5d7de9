/** Whether Redis lets us do what counting takes, asked before the first request. */
import { StoreError } from '../core/errors.ts';
import type { KeyLayout } from './keys.ts';
import type { LuaScript } from './lua-script-loader.ts';
import type { ScriptRunner } from './script-runner.ts';

export interface AccessCheckOptions {
  readonly runner: ScriptRunner;
  /** `permissions.lua` */
  readonly script: LuaScript;
  readonly keys: KeyLayout;
}

/** Numbers tried to find a key on every server. */
const PROBE_NUMBERS = 4_000;

/**
 * Asks each server, for each has permissions of its own. Resolves when they allow everything and when they cannot be asked.
 * @throws StoreError SLUICE_STORE_REFUSED when one has answered that it does not let us: user, password, database,
 * commands or keys
 */
export async function checkAccess(options: AccessCheckOptions): Promise<void> {
  const asked = [...keyOnEach(options)].map(([server, key]) => askOne(options, server, key));
  for (const answer of await Promise.allSettled(asked)) {
    if (answer.status === 'rejected' && isRefusal(answer.reason)) throw answer.reason;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'SLUICE_STORE_REFUSED';
}

/** By server. When none is known one key stands for all: asking for it says why. */
function keyOnEach({ runner, keys }: AccessCheckOptions): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let n = 0; n < PROBE_NUMBERS; n++) {
    const key = keys.probe(n);
    const server = runner.serverOf(runner.slotOf(key));
    if (server !== undefined && !found.has(server)) found.set(server, key);
  }
  return found.size > 0 ? found : new Map([['the cluster', keys.probe(0)]]);
}

async function askOne({ runner, script, keys }: AccessCheckOptions, server: string, key: string): Promise<void> {
  const reply = await runner.run(script, [key], []);
  const [commands, untouchable] = (Array.isArray(reply) ? reply : []) as unknown[];
  const denied = namesIn(commands);
  if (denied.length > 0) {
    const grant = denied.map((name) => `+${name}`).join(' ');
    throw refusal(`${server} does not let the user run ${denied.join(', ')} (NOPERM): grant ${grant}`);
  }
  const fenced = namesIn(untouchable);
  if (fenced.length > 0) {
    const what = `${server} does not let the user touch its keys by ${fenced.join(', ')} (NOPERM)`;
    throw refusal(`${what}: grant ~${keys.pattern}`);
  }
}

function namesIn(reply: unknown): readonly string[] {
  const names = Array.isArray(reply) ? reply.map((name) => String(name).toLowerCase()) : [];
  return [...new Set(names)];
}

function refusal(what: string): StoreError {
  return new StoreError('SLUICE_STORE_REFUSED', `redis: ${what}, see docs/redis.md`);
}
