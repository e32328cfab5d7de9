import type { Purchase } from './lease.ts';
import { Lease } from './lease.ts';
import type { LeaseKey } from './lease-key.ts';
import { paceAfterReturn } from './lease-pace.ts';
import type { Origin } from './lease-return.ts';
import { giveBack } from './lease-return.ts';

/** The keys that have a lease: how it begins, grows and ends. */
export class LeaseHoldings {
  readonly #origin: Origin;
  readonly #keys = new Set<LeaseKey>();

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Adds the units to the key's lease, or begins one of them when they were charged to another sub-window. */
  takeIn(key: LeaseKey, purchase: Purchase, now: number): void {
    this.#origin.telemetry.leaseUnits(key.check.limit, 'bought', purchase.units);
    if (key.lease?.add(purchase) === true) return;
    this.end(key, now);
    key.lease = new Lease(purchase);
    key.pinned = true;
    this.#keys.add(key);
  }

  /** Takes the lease away from the key; unspent units go back to where they were charged. */
  end(key: LeaseKey, now: number): void {
    const { lease, check } = key;
    if (lease === undefined) return;
    key.lease = undefined;
    key.refillAt = 0;
    this.#keys.delete(key);
    lease.state = 'ended';
    if (key.pace !== undefined && lease.unspent > 0 && now < lease.subWindowEnd) {
      key.pace = paceAfterReturn(key.pace, lease.most - lease.unspent, check.cost);
    }
    giveBack(this.#origin, lease, check, lease.unspent, now);
    lease.unspent = 0;
  }

  /** Units whose charge the store has forgotten must neither be used nor given back. */
  void(key: LeaseKey): void {
    const { lease } = key;
    key.lease = undefined;
    this.#keys.delete(key);
    if (lease === undefined) return;
    lease.state = 'void';
    if (lease.unspent > 0) this.#origin.telemetry.leaseUnits(key.check.limit, 'expired', lease.unspent);
  }

  [Symbol.iterator](): Iterator<LeaseKey> {
    return this.#keys.values();
  }
}
