import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until giving up. Default 5,000. */
  readonly within?: number;
  /** Milliseconds between two looks. Default 5. */
  readonly every?: number;
}

/**
 * Waits until `look` neither throws nor returns false or undefined, and hands on what it returned. Rejects at the
 * deadline with `what` and the last thing seen: the way to wait in a test, instead of sleeping and hoping.
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, false | undefined>> {
  const within = options.within ?? 5_000;
  const deadline = performance.now() + within;
  for (;;) {
    let seen: unknown;
    try {
      const value = await look();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
      seen = value;
    } catch (error) {
      seen = error instanceof Error ? error.message : error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what} (last seen: ${String(seen)})`);
    await sleep(options.every ?? 5);
  }
}
