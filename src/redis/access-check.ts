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
  const servers = [...keyOnEach(options)];
  const answers = await Promise.allSettled(servers.map(([, key]) => askOne(options, key)));
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'fulfilled' || !isRefusal(answer.reason)) continue;
    const what = answer.reason.message.replace(/^redis: /, '');
    throw refusal(servers.length === 1 ? what : `${servers[i]?.[0]}: ${what}`);
  }
}

function isRefusal(error: unknown): error is StoreError {
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

async function askOne({ runner, script, keys }: AccessCheckOptions, key: string): Promise<void> {
  const reply = await runner.run(script, [key], []);
  const [commands, untouchable] = (Array.isArray(reply) ? reply : []) as unknown[];
  const denied = namesIn(commands);
  if (denied.length > 0) {
    const grant = denied.map((name) => `+${name}`).join(' ');
    throw refusal(`it does not let the user run ${denied.join(', ')} (NOPERM): grant ${grant}, see docs/redis.md`);
  }
  const fenced = namesIn(untouchable);
  if (fenced.length > 0) {
    const what = `it does not let the user touch keys by ${fenced.join(', ')} (NOPERM)`;
    throw refusal(`${what}: grant ~${keys.pattern}, see docs/redis.md`);
  }
}

function namesIn(reply: unknown): readonly string[] {
  const names = Array.isArray(reply) ? reply.map((name) => String(name).toLowerCase()) : [];
  return [...new Set(names)];
}

function refusal(what: string): StoreError {
  return new StoreError('SLUICE_STORE_REFUSED', `redis: ${what}`);
}
