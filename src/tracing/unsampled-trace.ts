import type { RequestTrace } from '../core/tracing.ts';
import type { Ids } from './ids.ts';
import { traceFields } from './trace-context.ts';

/** A trace of which nothing is recorded. It still goes on, so that nobody behind starts another one. */
export class UnsampledTrace implements RequestTrace {
  readonly traceId: string;
  readonly #state: string | undefined;
  readonly #ids: Ids;

  constructor(traceId: string, state: string | undefined, ids: Ids) {
    this.traceId = traceId;
    this.#state = state;
    this.#ids = ids;
  }

  attempt(): readonly string[] {
    return traceFields(this.traceId, this.#ids.span(), false, this.#state);
  }

  asked(): void {}
  decided(): void {}
  fellBack(): void {}
  decisionEnded(): void {}
  attemptEnded(): void {}
  finished(): void {}
}
