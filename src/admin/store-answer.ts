import { reasonOf, StoreError } from '../core/errors.ts';
import { ProblemError } from './problems.ts';

/** What the store answers; 503 with the reason when it cannot be asked. */
export async function storeAnswer<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new ProblemError({
      status: 503,
      detail: `the store cannot be asked: ${reasonOf(error)}`,
      hint: 'look at sluice_store_errors_total and at the store',
    });
  }
}
