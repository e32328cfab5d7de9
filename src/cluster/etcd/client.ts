import { KVClient, LeaseClient, WatchClient } from 'etcd3';
import type { Clock } from '../../core/clock.ts';
import { withDeadline } from '../../core/deadline.ts';
import type { StoreError } from '../../core/errors.ts';
import type { EtcdAccess } from './connection.ts';
import { EtcdConnection } from './connection.ts';
import { isTokenVoid, noAnswer, storeErrorOf } from './trouble.ts';
import type { ChangeListener, Entry, Watch } from './watch.ts';
import { entryOf, watchRange } from './watch.ts';

export interface EtcdClientOptions {
  readonly access: EtcdAccess;
  readonly clock: Clock;
  /** Milliseconds until a call is given up. Default 1,000. */
  readonly timeoutMs?: number;
}

/** Keys that begin with the same words, at one revision. */
export interface Reading {
  readonly revision: number;
  readonly entries: readonly Entry[];
}

/**
 * A connection attempt that was not refused is left this long: gRPC has no limit of its own (grpc/grpc-node#2785) and
 * frees no socket that waits, so each new attempt at a frozen etcd costs one until it is thawed or gone.
 */
const ATTEMPT_MS = 20_000;

/**
 * The few things that are wanted of etcd. Every call is sent once and has a deadline on the monotonic clock: a call that
 * failed may yet be carried out, so what it did must be read and never assumed. A connection that worked and fell silent is
 * given up at once; the next call goes to the next endpoint over a new one.
 *
 * Every method throws StoreError: SLUICE_STORE_TIMEOUT, _CONNECTION, _REFUSED or _REPLY, whose text begins with `etcd: `.
 */
export class EtcdClient {
  readonly #access: EtcdAccess;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #connection: EtcdConnection | undefined;
  #dialled = 0;
  #dialledAt = 0;
  /** It has answered once. */
  #proven = false;

  constructor({ access, clock, timeoutMs = 1_000 }: EtcdClientOptions) {
    this.#access = access;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** All keys that begin with `prefix`, as a majority of etcd's members has them now. */
  read(prefix: string): Promise<Reading> {
    const { start, end } = rangeOf(prefix);
    return this.#call(async (connection) => {
      const { header, kvs } = await new KVClient(connection).range({ key: start, range_end: end });
      return { revision: Number(header.revision), entries: kvs.map(entryOf) };
    });
  }

  async put(key: string, value: string, lease: string): Promise<void> {
    await this.#call((connection) => new KVClient(connection).put({ ...pair(key, value), lease }));
  }

  /** Sets a key that is not there. Resolves with whether it was not. */
  create(key: string, value: string, lease: string): Promise<boolean> {
    return this.#call(async (connection) => {
      const compare = [{ key: Buffer.from(key), target: 'Create', result: 'Equal', create_revision: 0 } as const];
      const success = [{ request_put: { ...pair(key, value), lease } }];
      return (await new KVClient(connection).txn({ compare, success })).succeeded;
    });
  }

  /** Changes the value of a key that is still as it was read, and leaves it under its lease. */
  async amend(entry: Pick<Entry, 'key' | 'modified'>, value: string): Promise<void> {
    await this.#call((connection) => {
      const key = Buffer.from(entry.key);
      const compare = [{ key, target: 'Mod', result: 'Equal', mod_revision: entry.modified } as const];
      const success = [{ request_put: { ...pair(entry.key, value), ignore_lease: true } }];
      return new KVClient(connection).txn({ compare, success });
    });
  }

  /** Deletes a key that came to be at this revision, and none that came after it. */
  async remove({ key, created }: Pick<Entry, 'key' | 'created'>): Promise<void> {
    await this.#call((connection) => {
      const name = Buffer.from(key);
      const compare = [{ key: name, target: 'Create', result: 'Equal', create_revision: created } as const];
      return new KVClient(connection).txn({ compare, success: [{ request_delete_range: { key: name } }] });
    });
  }

  /** A new lease. etcd counts whole seconds, and may grant more than was asked for. */
  grant(ttlMs: number): Promise<{ readonly id: string; readonly ttlMs: number }> {
    return this.#call(async (connection) => {
      const { ID, TTL } = await new LeaseClient(connection).leaseGrant({ TTL: Math.ceil(ttlMs / 1_000) });
      return { id: ID, ttlMs: Number(TTL) * 1_000 };
    });
  }

  /** Resolves with the milliseconds for which the lease lives from now on; 0 when there is no such lease. */
  keepAlive(lease: string): Promise<number> {
    return this.#call(async (connection, signal) => {
      const stream = await new LeaseClient(connection).leaseKeepAlive();
      try {
        return await new Promise<number>((resolve, reject) => {
          stream.on('data', ({ TTL }) => resolve(Number(TTL) * 1_000));
          stream.on('error', reject);
          stream.on('end', () => reject(noAnswer()));
          signal.addEventListener('abort', () => reject(noAnswer()));
          stream.write({ ID: lease });
        });
      } finally {
        stream.end();
        stream.cancel();
      }
    });
  }

  /** Ends a lease, and the life of all keys under it. */
  async revoke(lease: string): Promise<void> {
    await this.#call((connection) => new LeaseClient(connection).leaseRevoke({ ID: lease }));
  }

  /** Watches all keys that begin with `prefix`, from `revision` on. */
  watch(prefix: string, revision: number, listener: ChangeListener): Promise<Watch> {
    return this.#call(async (connection, signal) => {
      const stream = await new WatchClient(connection).watch();
      const opening = watchRange(stream, { ...rangeOf(prefix), from: revision }, listener);
      signal.addEventListener('abort', () => stream.cancel());
      return opening;
    });
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #call<T>(work: (connection: EtcdConnection, signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let again = false; ; again = true) {
      const connection = this.#connect();
      const late = new AbortController();
      try {
        const result = await withDeadline(this.#clock, this.#timeoutMs, work(connection, late.signal), noAnswer);
        if (connection === this.#connection) this.#proven = true;
        return result;
      } catch (error) {
        late.abort();
        if (!again && isTokenVoid(error)) {
          connection.forgetToken();
          continue;
        }
        const reason = storeErrorOf(error);
        if (isUnreachable(reason)) this.#suspect(connection);
        throw reason;
      }
    }
  }

  #connect(): EtcdConnection {
    if (this.#connection !== undefined) return this.#connection;
    const { endpoints } = this.#access;
    const serial = this.#dialled++;
    const endpoint = endpoints[serial % endpoints.length] ?? '';
    const deadline = (): number => this.#clock.now() + this.#timeoutMs;
    this.#dialledAt = this.#clock.monotonic();
    this.#proven = false;
    try {
      this.#connection = new EtcdConnection(endpoint, this.#access, serial, deadline);
    } catch (error) {
      // A certificate or a key that is none.
      throw storeErrorOf(error);
    }
    return this.#connection;
  }

  /** Gives the connection up, unless it is one that has yet to be made and had no time for it. */
  #suspect(connection: EtcdConnection): void {
    if (connection !== this.#connection) return;
    const waited = this.#clock.monotonic() - this.#dialledAt;
    if (this.#proven || this.#access.endpoints.length > 1 || waited >= ATTEMPT_MS) this.close();
  }
}

function isUnreachable({ code }: StoreError): boolean {
  return code === 'SLUICE_STORE_TIMEOUT' || code === 'SLUICE_STORE_CONNECTION';
}

/** From the prefix to the first key that is behind all that begin with it. The prefix ends with an ASCII character. */
function rangeOf(prefix: string): { readonly start: Buffer; readonly end: Buffer } {
  const start = Buffer.from(prefix);
  const end = Buffer.from(start);
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return { start, end };
}

function pair(key: string, value: string): { readonly key: Buffer; readonly value: Buffer } {
  return { key: Buffer.from(key), value: Buffer.from(value) };
}
