import type { Clock } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';

/** The part of a client that {@link startClient} needs. */
interface Connectable {
  connect(): Promise<unknown>;
  once(event: 'error' | 'close', listener: () => void): unknown;
}

/** A gateway starts without its store after so long. */
const PATIENCE_MS = 3_000;

/**
 * Starts connecting; resolves as soon as it works or has failed once. The client's own promise may never settle: it goes
 * on trying sentinels that are gone, and a cluster that is down, without a word to whoever waits.
 */
export async function startClient(client: Connectable, clock: Clock, failed: (error: unknown) => void): Promise<void> {
  const connected = client.connect().catch(failed);
  const failedOnce = new Promise<void>((resolve) => {
    client.once('error', resolve);
    client.once('close', resolve);
  });
  const late = (): Error => new Error(`no connection within ${PATIENCE_MS} ms`);
  await withDeadline(clock, PATIENCE_MS, Promise.race([connected, failedOnce]), late).catch(failed);
}
