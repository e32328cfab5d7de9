import { StoreError } from '../core/errors.ts';
import type { KeyLayout } from './keys.ts';
import type { LuaScript } from './lua-script-loader.ts';
import type { ScriptRunner } from './script-runner.ts';

export interface PeerRegistryOptions {
  readonly runner: ScriptRunner;
  /** `peer_registry.lua` */
  readonly script: LuaScript;
  readonly keys: KeyLayout;
}

/** Hosts in a sorted set of Redis by the end of their lease: a store for the cluster's heartbeat registry, whose shape it has. */
export class PeerRegistry {
  readonly #options: PeerRegistryOptions;

  constructor(options: PeerRegistryOptions) {
    this.#options = options;
  }

  /**
   * Says that `address` lives for `leaseMs` milliseconds by the clock of Redis. Resolves with who does, and whether it was
   * not there before.
   * @throws StoreError
   */
  async beat(address: string, leaseMs: number): Promise<{ addresses: readonly string[]; joined: boolean }> {
    const reply = await this.#run(address, leaseMs);
    const [joined, addresses] = (Array.isArray(reply) ? reply : []) as unknown[];
    if (typeof joined !== 'number' || !isTexts(addresses)) throw UNEXPECTED;
    return { addresses, joined: joined === 1 };
  }

  /** @throws StoreError */
  async leave(address: string): Promise<void> {
    await this.#run(address, 0);
  }

  #run(address: string, leaseMs: number): Promise<unknown> {
    const { runner, script, keys } = this.#options;
    return runner.run(script, [keys.peers], [address, leaseMs]);
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

const UNEXPECTED = new StoreError('SLUICE_STORE_REPLY', 'redis: the registry of peers answered something unexpected');
