import type { Random } from '../../core/random.ts';

/** What the network between hosts does to messages, each by itself. */
export interface Weather {
  /** One way, the least it takes, milliseconds. */
  readonly latencyMs: number;
  /** Mean of what comes on top: exponential, cut at {@link JITTER_CUT} times the mean. Makes messages overtake each other. */
  readonly jitterMs: number;
  /** Probability that a message is lost. */
  readonly loss: number;
  /** Probability that it arrives twice. */
  readonly duplicate: number;
  /** Probability that it is held up for another `reorderMs` at most. */
  readonly reorder: number;
  readonly reorderMs: number;
}

/** Two hosts in one zone. */
export const FAIR_WEATHER: Weather = {
  latencyMs: 0.2,
  jitterMs: 0.1,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderMs: 0,
};

const JITTER_CUT = 10;
/** A connection sends again after so long, then after twice as long, and so on (RFC 6298's least, as Linux has it). */
const RETRANSMIT_MS = 200;

/** Longest a message is under way, milliseconds. */
export function longestDelay({ latencyMs, jitterMs, reorder, reorderMs }: Weather): number {
  return latencyMs + JITTER_CUT * jitterMs + (reorder > 0 ? reorderMs : 0);
}

/** How long one message takes, milliseconds. */
export function drawDelay(weather: Weather, random: Random): number {
  const { latencyMs, jitterMs, reorder, reorderMs } = weather;
  let delay = latencyMs;
  if (jitterMs > 0) delay += jitterMs * Math.min(JITTER_CUT, -Math.log(1 - random.next()));
  if (reorder > 0 && random.next() < reorder) delay += reorderMs * random.next();
  return delay;
}

/** How long a segment of a connection takes, losses made good; milliseconds, infinite when it is lost ten times. */
export function drawReliableDelay(weather: Weather, random: Random): number {
  let delay = drawDelay(weather, random);
  let wait = RETRANSMIT_MS;
  for (let tries = 0; weather.loss > 0 && random.next() < weather.loss; tries++) {
    if (tries === 10) return Number.POSITIVE_INFINITY;
    delay += wait;
    wait *= 2;
  }
  return delay;
}
