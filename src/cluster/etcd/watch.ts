import type { IDuplexStream, IKeyValue, IWatchRequest, IWatchResponse } from 'etcd3';
import { StoreError } from '../../core/errors.ts';
import { storeErrorOf } from './trouble.ts';

/** A key as etcd holds it. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  /** The lease that it lives under, as etcd writes its number; `0`: none. */
  readonly lease: string;
  /** Revision at which the key came to be; a new one when it was deleted in between. */
  readonly created: number;
  /** Revision of its last change. */
  readonly modified: number;
}

/** One change: the key as it is now, or that it is gone since a revision. */
export type Change = { readonly put: Entry } | { readonly gone: Pick<Entry, 'key' | 'modified'> };

/** A running watch. */
export interface Watch {
  /** Settles, never rejects, when nothing more will be heard, and says why; not after {@link stop}. */
  readonly over: Promise<StoreError>;
  stop(): void;
}

export type ChangeListener = (changes: readonly Change[]) => void;

/**
 * Watches `start` to `end` (exclusive) from revision `from` on. Resolves once etcd has said that it watches; rejects when
 * it will not, for example because the revision has been compacted. It never goes on by itself after a fault: whoever
 * watches has to read everything anew, since changes may have been missed.
 */
export function watchRange(
  stream: IDuplexStream<IWatchRequest, IWatchResponse>,
  range: { readonly start: Buffer; readonly end: Buffer; readonly from: number },
  listener: ChangeListener,
): Promise<Watch> {
  return new Promise((resolve, reject) => {
    let stopped = false;
    let finish: (error: StoreError) => void = () => {};
    const over = new Promise<StoreError>((settle) => {
      finish = settle;
    });
    const stop = (): void => {
      stopped = true;
      // Ended first: etcd3 takes an error of a stream that can still be written to for a fault of the connection.
      stream.end();
      stream.cancel();
    };
    const fail = (error: unknown): void => {
      if (stopped) return;
      stop();
      const reason = storeErrorOf(error);
      finish(reason);
      reject(reason);
    };
    stream.on('error', fail);
    stream.on('end', () => fail(ENDED));
    stream.on('data', (response) => {
      if (stopped) return;
      if (response.canceled) fail(new Error(response.cancel_reason || 'the watch was cancelled'));
      else if (response.created) resolve({ over, stop });
      else listener(response.events.map(changeOf));
    });
    stream.write({ create_request: { key: range.start, range_end: range.end, start_revision: range.from } });
  });
}

const ENDED = new StoreError('SLUICE_STORE_CONNECTION', 'etcd: it ended the watch');

function changeOf({ type, kv }: IWatchResponse['events'][number]): Change {
  const entry = entryOf(kv);
  // The response's own revision is that of the whole store when it was sent, later than those of its changes.
  return type === 'Put' ? { put: entry } : { gone: entry };
}

export function entryOf(kv: IKeyValue): Entry {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    lease: kv.lease,
    created: Number(kv.create_revision),
    modified: Number(kv.mod_revision),
  };
}
