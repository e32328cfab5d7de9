import type { Random } from '../core/random.ts';
import type { RequestTrace } from '../core/tracing.ts';
import { traceFields } from './trace-context.ts';

/** A trace of which nothing is recorded. It still goes on, so that nobody behind starts another one. */
export class UnsampledTrace implements RequestTrace {
  readonly traceId: string;
  readonly #state: string | undefined;
  readonly #random: Random;

  constructor(traceId: string, state: string | undefined, random: Random) {
    this.traceId = traceId;
    this.#state = state;
    this.#random = random;
  }

  attempt(): readonly string[] {
    return traceFields(this.traceId, this.#random.hex(8), false, this.#state);
  }

  asked(): void {}
  decided(): void {}
  fellBack(): void {}
  decisionEnded(): void {}
  attemptEnded(): void {}
  finished(): void {}
}
