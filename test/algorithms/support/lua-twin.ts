/** The Lua includes, run by a real redis-server through test-only scripts that take the time from their arguments. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { LuaScript } from '../../../src/redis/lua-script-loader.ts';
import { LUA_DIRECTORY, loadScript } from '../../../src/redis/lua-script-loader.ts';
import { startRedis } from '../../support/redis.ts';
import type { HoldersStep } from './holders.ts';
import type { Step } from './step.ts';
import { codeOf, extraOf } from './step.ts';

export interface LuaTwin extends AsyncDisposable {
  /** One line for each step, history by history. */
  replay(histories: readonly (readonly Step[])[]): Promise<string[][]>;
  /** One line for each step. */
  replayHolders(steps: readonly HoldersStep[]): Promise<string[]>;
  /** For each text and each of four policies one line; see lua/parse-any.lua. */
  parseAny(now: number, texts: readonly string[]): Promise<string[]>;
  close(): Promise<void>;
}

export async function startLuaTwin(): Promise<LuaTwin> {
  const replay = loadTestScript('replay');
  const replayHolders = loadTestScript('replay-holders');
  const parseAny = loadTestScript('parse-any');
  const server = await startRedis();
  const redis = new Redis(server.url);
  const close = async (): Promise<void> => {
    redis.disconnect();
    await server.stop();
  };
  return {
    replay: async (histories) => {
      const args = histories.flatMap((steps) => [
        codeOf(steps[0]?.policy),
        steps.length,
        ...steps.flatMap(argumentsOf),
      ]);
      const lines = (await redis.eval(replay.source, 0, ...args)) as string[];
      let from = 0;
      return histories.map((steps) => {
        from += steps.length;
        return lines.slice(from - steps.length, from);
      });
    },
    replayHolders: async (steps) => {
      const args = steps.flatMap(({ op, policy, holder, now }) => [op, policy.limit, policy.leaseMs, holder, now]);
      return (await redis.eval(replayHolders.source, 1, 'holders', ...args)) as string[];
    },
    parseAny: async (now, texts) => (await redis.eval(parseAny.source, 0, now, ...texts)) as string[],
    close,
    [Symbol.asyncDispose]: close,
  };
}

function argumentsOf(step: Step): (string | number)[] {
  const { policy, now } = step;
  const head = [step.op, policy.limit, policy.windowMs, extraOf(policy), now];
  switch (step.op) {
    case 'take':
      return [...head, step.cost, 0];
    case 'refund':
      return [...head, step.cost, step.takenAt];
    case 'place':
      return [...head, step.text, 0];
  }
}

/** The loader resolves includes beside the script, so the script is put beside a copy of them. */
function loadTestScript(name: string): LuaScript {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-lua-'));
  try {
    cpSync(join(LUA_DIRECTORY, 'include'), join(directory, 'include'), { recursive: true });
    cpSync(fileURLToPath(new URL('../lua/', import.meta.url)), directory, { recursive: true });
    return loadScript(name, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
