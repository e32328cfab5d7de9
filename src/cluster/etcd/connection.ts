import type { ChannelCredentials, Client } from '@grpc/grpc-js';
import { credentials, logVerbosity, Metadata, setLogVerbosity } from '@grpc/grpc-js';
import type { ICallable } from 'etcd3';
import { AuthClient } from 'etcd3';
import { Host } from 'etcd3/lib/connection-pool.js';
import { isWithoutUsers } from './trouble.ts';

/** Where etcd is and as whom to talk to it. */
export interface EtcdAccess {
  /** `http://host:port` or `https://host:port`, one at least; members of one cluster. */
  readonly endpoints: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** For `https://`, as PEM texts. Without `ca` the well-known authorities are trusted. */
  readonly tls:
    | {
        readonly ca: string | undefined;
        readonly cert: string | undefined;
        readonly key: string | undefined;
        /** Name that the certificate must be for, when it is not the endpoint's host. */
        readonly servername: string | undefined;
      }
    | undefined;
}

type ServiceName = Parameters<ICallable<undefined>['exec']>[0];
type UnaryMethod = (
  params: unknown,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: Error | null, reply: unknown) => void,
) => void;

/** What the client writes to standard error would be lines that nobody asked for: every trouble comes as an error too. */
setLogVerbosity(logVerbosity.NONE);

/**
 * One connection to one endpoint, to be used with the raw clients of etcd3 (`KVClient`, `LeaseClient`, `WatchClient`).
 *
 * The pool of etcd3 (1.1.2) is not used, nor are its helpers for leases, elections and watches, because of what they did
 * against a real etcd that was frozen, killed and restarted:
 * - a call is sent up to four times, also when the first may have been carried out;
 * - a call that etcd refuses for its token is sent again and again without an end;
 * - a leader of its `election` (lease of 5 s) went on for 9.4 s after etcd was frozen: the end of its lease is looked at only
 *   twice the lease later, by the wall clock;
 * - after an etcd that was away for 12 s two candidates, written as its documentation shows, were both told that they lead;
 * - a watch whose revision had been compacted while etcd was away throws inside an event, which ends the process.
 */
export class EtcdConnection implements ICallable<undefined> {
  readonly callOptionsFactory = undefined;
  readonly #host: Host;
  readonly #access: EtcdAccess;
  readonly #deadline: () => number;
  #metadata: Promise<Metadata> | undefined;

  /**
   * @param serial different for each, so that none shares a socket with one that was given up
   * @param deadline Unix milliseconds at which a call that begins now is given up
   */
  constructor(endpoint: string, access: EtcdAccess, serial: number, deadline: () => number) {
    this.#access = access;
    this.#deadline = deadline;
    const { servername } = { servername: undefined, ...access.tls };
    this.#host = new Host(endpoint, credentialsFor(endpoint, access), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.enable_retries': 0,
      // No questions to DNS beside the address, no detour, and no register of all connections ever made.
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      ...(servername === undefined ? {} : { 'grpc.ssl_target_name_override': servername }),
      'sluice.serial': serial,
    });
  }

  /** One call, sent once. Rejects with what gRPC says. */
  async exec<T>(service: ServiceName, method: string, params: unknown): Promise<T> {
    return this.#unary<T>(service, method, params, await this.#authenticated());
  }

  async withConnection<R>(
    service: ServiceName,
    use: (means: { resource: undefined; client: Client; metadata: Metadata }) => R | Promise<R>,
  ): Promise<R> {
    const metadata = await this.#authenticated();
    return use({ resource: undefined, client: this.#host.getServiceClient(service), metadata });
  }

  /** Whether a stream's error means that the connection is of no use is decided where all calls are seen. */
  markFailed(): void {}

  /** The next call asks for a new token. */
  forgetToken(): void {
    this.#metadata = undefined;
  }

  /** Calls that wait for the connection fail; open streams must be cancelled by whoever opened them. */
  close(): void {
    this.#host.close();
  }

  /** Once for a connection: etcd spends some 60 ms of computing on each password. */
  #authenticated(): Promise<Metadata> {
    if (this.#metadata === undefined) {
      const attempt = this.#authenticate();
      this.#metadata = attempt;
      attempt.catch(() => {
        if (this.#metadata === attempt) this.#metadata = undefined;
      });
    }
    return this.#metadata;
  }

  async #authenticate(): Promise<Metadata> {
    const metadata = new Metadata();
    const { username, password = '' } = this.#access;
    if (username === undefined) return metadata;
    const plain: ICallable<undefined> = {
      exec: (service, method, params) => this.#unary(service, method, params, new Metadata()),
      withConnection: (service, use) => this.withConnection(service, use),
      markFailed() {},
      callOptionsFactory: undefined,
    };
    try {
      metadata.set('token', (await new AuthClient(plain).authenticate({ name: username, password })).token);
    } catch (error) {
      // Users may be configured here before they are there.
      if (!isWithoutUsers(error)) throw error;
    }
    return metadata;
  }

  #unary<T>(service: ServiceName, method: string, params: unknown, metadata: Metadata): Promise<T> {
    const client = this.#host.getServiceClient(service) as unknown as Record<string, UnaryMethod | undefined>;
    return new Promise<T>((resolve, reject) => {
      client[method]?.(params, metadata, { deadline: this.#deadline() }, (error, reply) => {
        if (error === null) resolve(reply as T);
        else reject(error);
      });
    });
  }
}

function credentialsFor(endpoint: string, { tls }: EtcdAccess): ChannelCredentials {
  if (!endpoint.startsWith('https://')) return credentials.createInsecure();
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.cert));
}
