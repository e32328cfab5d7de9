import { WireError } from '../../core/errors.ts';
import type { CountSlot } from './counts.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';
import { sizeOfNumber } from './writer.ts';

const SAME_COUNTER = 1;
const SAME_SHAPE = 2;
const SAME_EPOCH = 4;
/** Flags from here on are free for what follows the slot. */
export const FIRST_FREE_FLAG = 8;

const MAX_COUNTER = 200;
const MAX_KEEP = 61;
/** Differences beyond this are not written as such: twice as much must still be a whole number. */
const MAX_STEP = 2 ** 51;

/** What the first slot of a message is told apart from. */
export const NO_SLOT: CountSlot = { counter: '', sliceMs: 0, keep: 0, epoch: 0, index: 0 };

/**
 * One slot, told as what differs from the slot before it:
 *
 *     flags | unless SAME_COUNTER: characters shared with the name before, characters that follow, these
 *     | unless SAME_SHAPE: sliceMs, keep | unless SAME_EPOCH: epoch | index; with SAME_SHAPE its zigzag difference
 */
export function writeSlot(out: Writer, slot: CountSlot, before: CountSlot, flags: number): void {
  const sameCounter = slot.counter === before.counter;
  const step = slot.index - before.index;
  const sameShape = slot.sliceMs === before.sliceMs && slot.keep === before.keep && Math.abs(step) < MAX_STEP;
  const sameEpoch = slot.epoch === before.epoch;
  out.byte(flags | (sameCounter ? SAME_COUNTER : 0) | (sameShape ? SAME_SHAPE : 0) | (sameEpoch ? SAME_EPOCH : 0));
  if (!sameCounter) {
    const shared = sharedLength(slot.counter, before.counter);
    out.byte(shared);
    out.shortText(shared === 0 ? slot.counter : slot.counter.slice(shared));
  }
  if (!sameShape) {
    out.number(slot.sliceMs);
    out.byte(slot.keep);
  }
  if (!sameEpoch) out.number(slot.epoch);
  out.number(sameShape ? zigzag(step) : slot.index);
}

/** @throws WireError */
export function readSlot(from: Reader, before: CountSlot): { readonly slot: CountSlot; readonly flags: number } {
  const flags = from.byte();
  let { counter, sliceMs, keep, epoch } = before;
  if ((flags & SAME_COUNTER) === 0) {
    const shared = from.byte();
    if (shared > counter.length) throw new WireError('shares more of a name than there is');
    const rest = from.shortText();
    counter = shared === 0 ? rest : counter.slice(0, shared) + rest;
  }
  if (counter.length < 1 || counter.length > MAX_COUNTER) throw new WireError('names a counter of no fitting length');
  if ((flags & SAME_SHAPE) === 0) {
    sliceMs = from.number();
    keep = from.byte();
  }
  if (sliceMs < 1 || keep < 1 || keep > MAX_KEEP) throw new WireError('has a slot of no length');
  if ((flags & SAME_EPOCH) === 0) epoch = from.number();
  const told = from.number();
  const index = (flags & SAME_SHAPE) === 0 ? told : before.index + unzigzag(told);
  if (index < 0 || index > Number.MAX_SAFE_INTEGER) throw new WireError('has a slot out of all time');
  return { slot: { counter, sliceMs, keep, epoch, index }, flags };
}

/** Most bytes of one slot. */
export const MAX_SLOT_BYTES = 3 + MAX_COUNTER + 1 + 3 * sizeOfNumber(Number.MAX_SAFE_INTEGER);

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let i = 0;
  while (i < most && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return i;
}

function zigzag(step: number): number {
  return step < 0 ? -2 * step - 1 : 2 * step;
}

function unzigzag(told: number): number {
  return told % 2 === 0 ? told / 2 : -(told + 1) / 2;
}
