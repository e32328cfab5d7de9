import type { ReplicaSlot } from './replica-counter.ts';

/**
 * What changed in a replica, by rounds: a way of sharing ends one each time it has told its changes, and tells of the last
 * few, so that a lost message is made good by the next.
 */
export class ReplicaChanges {
  /** The running round. */
  round = 0;
  readonly #slots: ReplicaSlot[] = [];
  #untoldSince: number | undefined;
  #untoldBefore: number | undefined;

  /** Own counts of `slot` changed. */
  own(slot: ReplicaSlot, now: number): void {
    slot.changes++;
    slot.ownHeard = 0;
    const { round } = this;
    // Told of in this round already, and nobody else has said anything since.
    if (slot.ownChanged === round && slot.changed === round && slot.changedBy === undefined) return;
    this.#untoldSince ??= now;
    slot.ownChanged = round;
    slot.touched(undefined, round);
    this.list(slot);
  }

  list(slot: ReplicaSlot): void {
    if (slot.hot) return;
    slot.hot = true;
    this.#slots.push(slot);
  }

  /** The slots that changed in the last `rounds` rounds, the running one included. The array holds until the next call. */
  lately(rounds: number): readonly ReplicaSlot[] {
    const slots = this.#slots;
    const since = this.round - rounds;
    let kept = 0;
    for (const slot of slots) {
      if (slot.gone || slot.changed <= since) slot.hot = false;
      else slots[kept++] = slot;
    }
    slots.length = kept;
    return slots;
  }

  nextRound(): void {
    this.round++;
    this.#untoldBefore = this.#untoldSince;
    this.#untoldSince = undefined;
  }

  /** Milliseconds that the oldest own change of this round (or, with none in this one, of the last) has waited. */
  ownAge(now: number): number {
    return Math.max(0, now - (this.#untoldSince ?? this.#untoldBefore ?? now));
  }
}
