import type { ErrorCode } from '../../core/errors.ts';
import { reasonOf, StoreError } from '../../core/errors.ts';

/** Status codes of gRPC that mean something here (grpc.github.io, "Status codes and their use in gRPC"). */
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** What etcd says whose operator, or ours, has to change something; it will say the same until then. */
const REFUSALS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/authentication failed/, 'it refuses the user or the password: see etcd.username and etcd.password'],
  [/user name is empty/, 'it wants a user and a password: see etcd.username and etcd.password'],
  [/permission denied/, 'it does not let the user touch these keys: grant readwrite on the prefix <etcd.prefix>/'],
];

/** What passes by itself, or is wrong with the way there. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/no leader|leader changed/, 'its members have no leader at the moment'],
  [/self-signed certificate|unable to (?:get|verify)/, 'its certificate is not trusted: see etcd.tls.ca'],
  [/Hostname\/IP does not match/, 'its certificate is for another name: see etcd.tls.servername'],
  [
    /wrong version number|packet length too long|before secure TLS connection/,
    'it ends the connection before TLS is agreed upon: http:// is for plain TCP',
  ],
  [/ECONNRESET/, 'it resets the connection: https:// is for an etcd with TLS, http:// for one without'],
  [/alert.*certificate|certificate required/i, 'it wants a certificate that it trusts: see etcd.tls.cert'],
  [/database space exceeded/, 'its database is full (NOSPACE): compact and defragment it, then disarm the alarm'],
  [/^Failed to connect$|Protocol error/, 'what answers there is not etcd, or wants TLS: see etcd.endpoints'],
];

/** The call was refused before anything was run, because the token is not known any more: it may be made again with a new one. */
export function isTokenVoid(error: unknown): boolean {
  return statusOf(error) === UNAUTHENTICATED || /invalid auth token/.test(reasonOf(error));
}

/** Users are named in the configuration, but etcd does without. */
export function isWithoutUsers(error: unknown): boolean {
  return /authentication is not enabled/.test(reasonOf(error));
}

/**
 * What an error of a call means to whoever runs the gateway. SLUICE_STORE_REFUSED: it stays until somebody changes
 * something. SLUICE_STORE_TIMEOUT, SLUICE_STORE_CONNECTION: the way there. SLUICE_STORE_REPLY: everything else that etcd said.
 */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const reason = plain(reasonOf(error));
  const refusal = REFUSALS.find(([pattern]) => pattern.test(reason));
  if (refusal !== undefined) return failure('SLUICE_STORE_REFUSED', refusal[1], error);
  const status = statusOf(error);
  if (status === DEADLINE_EXCEEDED) return failure('SLUICE_STORE_TIMEOUT', NO_ANSWER, error);
  const meaning = MEANINGS.find(([pattern]) => pattern.test(reason))?.[1] ?? reason;
  const lost = status === UNAVAILABLE || status === CANCELLED;
  return failure(lost ? 'SLUICE_STORE_CONNECTION' : 'SLUICE_STORE_REPLY', meaning, error);
}

export function noAnswer(): StoreError {
  return failure('SLUICE_STORE_TIMEOUT', NO_ANSWER, undefined);
}

const NO_ANSWER = 'it does not answer';

function failure(code: ErrorCode, text: string, cause: unknown): StoreError {
  return new StoreError(code, `etcd: ${text}`, { cause });
}

/** Without the client's words around it, and without the time, so that one trouble has one text. */
function plain(reason: string): string {
  return reason
    .replace(/^\d+ [A-Z_]+: /, '')
    .replace(/^No connection established\. Last error: /, '')
    .replace(/^(?:Error: )+/, '')
    .replace(/\.? Resolution note:.*$/, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replace(/^etcdserver: /, '');
}

function statusOf(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}
