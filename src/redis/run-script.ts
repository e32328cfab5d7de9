import type { ErrorCode } from '../core/errors.ts';
import { StoreError } from '../core/errors.ts';
import type { LuaScript } from './lua-script-loader.ts';
import type { Trouble } from './reasons.ts';
import { troubleOf } from './reasons.ts';

/** The server that was asked sent us on, and it failed there. */
export class RedirectedError extends StoreError {}

/**
 * The keys of a call are on their way from one server to another, some here and some there. Nothing was counted; keys
 * asked for one at a time are found.
 */
export class SlotMovingError extends RedirectedError {}

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
    if (replyIn(error)?.startsWith('NOSCRIPT') !== true) throw error;
  }
  return client.eval(script.source, keys.length, ...keys, ...args);
}

/** @param trouble why there is no usable connection, as far as known */
export function storeError(error: unknown, trouble: Trouble | undefined): StoreError {
  const reply = replyIn(error);
  if (reply !== undefined && /^(?:TRYAGAIN|MOVED|ASK) /.test(reply)) {
    return new SlotMovingError('SLUICE_STORE_REPLY', 'redis: the keys are moving to another server', { cause: error });
  }
  const own = troubleOf(reply === undefined ? error : new Error(reply));
  const text = `redis: ${(own ?? trouble)?.text ?? 'not connected yet'}`;
  const Kind = behindRedirection(error) === undefined ? StoreError : RedirectedError;
  return new Kind(codeOf(error, own ?? trouble), text, { cause: error });
}

function codeOf(error: unknown, trouble: Trouble | undefined): ErrorCode {
  if (trouble?.refused === true) return 'SLUICE_STORE_REFUSED';
  if (isReplyError(error)) return 'SLUICE_STORE_REPLY';
  const late = error instanceof Error && error.message === 'Command timed out';
  return late ? 'SLUICE_STORE_TIMEOUT' : 'SLUICE_STORE_CONNECTION';
}

const REDIRECTED = /^Too many Cluster redirections\. Last error: (?:Reply)?Error: /;

/** What the server said that answered last, also behind a redirection. */
function replyIn(error: unknown): string | undefined {
  return isReplyError(error) ? error.message : behindRedirection(error);
}

function behindRedirection(error: unknown): string | undefined {
  return error instanceof Error && REDIRECTED.test(error.message) ? error.message.replace(REDIRECTED, '') : undefined;
}

/** A server has sent us on, having run nothing, and the connection to the other was not there or was lost. */
export function isClosedBehindRedirection(error: unknown): boolean {
  return behindRedirection(error) === 'Connection is closed.';
}

export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
