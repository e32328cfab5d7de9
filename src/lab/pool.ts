/** Runs experiments on all cores: one worker thread each, one run at a time in it. */
import { availableParallelism, totalmem } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { reasonOf } from '../core/errors.ts';
import type { Job, Measures } from './measure.ts';
import { measure } from './measure.ts';

/** Says that a thread is one of ours. */
const MARK = 'sluice-lab';
/** Of the machine's memory, for all threads together. */
const MEMORY_PART = 0.7;

type Answer = { readonly measures: Measures } | { readonly failed: string };

export interface PoolOptions {
  /** Threads; left out: as many as the machine has cores. */
  readonly threads?: number;
  /** A run has ended. */
  readonly onDone?: (job: Job, measures: Measures) => void;
}

/**
 * The measures of each job, in the order of the jobs: which thread ran what makes no difference.
 * @throws Error when a run fails, which is a defect
 */
export async function runAll(jobs: readonly Job[], options: PoolOptions = {}): Promise<Measures[]> {
  const results: Measures[] = new Array(jobs.length);
  // The longest first, so that no thread is left with one at the end.
  const order = jobs.map((_, i) => i).sort((a, b) => effort(jobs[b]) - effort(jobs[a]));
  let next = 0;
  const threads = Math.min(jobs.length, options.threads ?? availableParallelism());
  // Ten thousand hosts take more than Node gives a thread by itself.
  const resourceLimits = { maxOldGenerationSizeMb: Math.floor((MEMORY_PART * totalmem()) / threads / 2 ** 20) };
  const work = async (): Promise<void> => {
    const thread = new Worker(new URL(import.meta.url), { workerData: MARK, resourceLimits });
    try {
      for (let at = order[next++]; at !== undefined; at = order[next++]) {
        const job = jobs[at];
        if (job === undefined) continue;
        const measures = await ask(thread, job);
        results[at] = measures;
        options.onDone?.(job, measures);
      }
    } finally {
      await thread.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  return results;
}

/** A guess: what is offered, and what is said, to everybody or not. */
function effort(job: Job | undefined): number {
  if (job === undefined) return 0;
  const { hosts, way } = job;
  const { durationMs } = job.scenario;
  if (way === 'mesh') return hosts * hosts * durationMs;
  return (way === 'gossip' ? 20 * hosts : hosts) * durationMs;
}

function ask(thread: Worker, job: Job): Promise<Measures> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      thread.removeAllListeners('message');
      thread.removeAllListeners('error');
    };
    thread.once('message', (answer: Answer) => {
      settle();
      if ('measures' in answer) resolve(answer.measures);
      else reject(new Error(`${job.way} on ${job.hosts} hosts, seed ${job.seed}: ${answer.failed}`));
    });
    thread.once('error', (error) => {
      settle();
      reject(error);
    });
    thread.postMessage(job);
  });
}

function serve(port: MessagePort): void {
  port.on('message', (job: Job) => {
    measure(job).then(
      (measures) => port.postMessage({ measures } satisfies Answer),
      (error: unknown) => port.postMessage({ failed: reasonOf(error) } satisfies Answer),
    );
  });
}

if (!isMainThread && parentPort !== null && workerData === MARK) serve(parentPort);
