import { StoreError } from '../core/errors.ts';
import type { LuaScript } from './lua-script-loader.ts';
import { meaningOf } from './reasons.ts';

/** The part of a Redis or Cluster client that runs scripts. */
export interface ScriptClient {
  evalsha(sha: string, keyCount: number, ...rest: (string | number)[]): Promise<unknown>;
  eval(source: string, keyCount: number, ...rest: (string | number)[]): Promise<unknown>;
}

/**
 * EVALSHA, and EVAL when the server does not know the script: it refused before running anything, so nothing can be
 * counted twice.
 * @throws what the client throws
 */
export async function runScript(
  client: ScriptClient,
  script: LuaScript,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.evalsha(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isReplyError(error) || !error.message.startsWith('NOSCRIPT')) throw error;
  }
  return client.eval(script.source, keys.length, ...keys, ...args);
}

/** @param trouble why there is no usable connection, as far as known */
export function storeError(error: unknown, trouble: string | undefined): StoreError {
  const meaning = meaningOf(error);
  if (isReplyError(error)) return new StoreError('SLUICE_STORE_REPLY', `redis: ${meaning}`, { cause: error });
  if (error instanceof Error && error.message === 'Command timed out') {
    return new StoreError('SLUICE_STORE_TIMEOUT', `redis: ${meaning}`, { cause: error });
  }
  const why = meaning ?? trouble ?? 'not connected yet';
  return new StoreError('SLUICE_STORE_CONNECTION', `redis: ${why}`, { cause: error });
}

export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
