import type { LuaScript } from './lua-script-loader.ts';

/**
 * What the strategies need of Redis, however many servers it is: running scripts where their keys live. Keys of one slot
 * may share a script call; slots of one server share its fate.
 */
export interface ScriptRunner {
  /** Hash slot of a key; always 0 where there is a single primary. */
  slotOf(key: string): number;
  /** Name of the server that serves the slot now; changes with a failover or a resharding. Undefined: nobody is known to. */
  serverOf(slot: number): string | undefined;
  /**
   * Runs `script` with `keys` (at least one, all of one slot) and `args`; resolves with the raw reply.
   * @throws StoreError when the server cannot be reached, is late, or answers with an error
   */
  run(script: LuaScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Calls `send`; what it runs leaves in one write for each connection. */
  together(send: () => void): void;
}
