/**
 * The error catalogue: every error a user or operator can meet, by stable code. Codes are never reused.
 * `exit` is the process's exit code where the error ends a command.
 */
const ERROR_CATALOGUE = {
  SLUICE_CONFIG_INVALID: { exit: 1, text: 'the configuration has faults' },
  SLUICE_USAGE: { exit: 2, text: 'a flag or argument is wrong' },
  SLUICE_OUTPUT: { exit: 2, text: 'standard output cannot be written' },
  SLUICE_LISTEN: { exit: 2, text: 'an address cannot be listened on' },
  SLUICE_SCRIPT_INVALID: { exit: 2, text: 'a Lua script file is missing or malformed' },
  SLUICE_STORE_TIMEOUT: { exit: 2, text: 'the store did not answer in time' },
  SLUICE_STORE_CONNECTION: { exit: 2, text: 'the store cannot be reached' },
  SLUICE_STORE_REPLY: { exit: 2, text: 'the store answered with an error or something unexpected' },
  SLUICE_STORE_REFUSED: { exit: 2, text: 'the store refuses this gateway: password, permissions or database' },
  SLUICE_STORE_CIRCUIT_OPEN: { exit: 2, text: 'the store failed repeatedly and is not asked until a probe succeeds' },
  SLUICE_STORE_OVERLOADED: { exit: 2, text: 'too many checks are waiting for the store' },
  SLUICE_PEER_UNREACHABLE: { exit: 2, text: 'another instance did not answer' },
  SLUICE_WIRE_MALFORMED: { exit: 2, text: 'a message of another instance cannot be read' },
} as const;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** An error with a code from the catalogue; its message is one line, fit for an operator. */
export class SluiceError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SluiceError';
    this.code = code;
  }
  get exitCode(): number {
    return ERROR_CATALOGUE[this.code].exit;
  }
}

/** The store could not answer; `code` says how. Carried to the limiter, which applies the limit's failure policy. */
export class StoreError extends SluiceError {}

/** Another instance could not be asked. */
export class PeerError extends SluiceError {
  /** Its machine says that nobody listens there: it has ended, and is not only cut off. */
  readonly refused: boolean;
  constructor(message: string, refused: boolean) {
    super('SLUICE_PEER_UNREACHABLE', message);
    this.refused = refused;
  }
}

/** Bytes of a peer that are no message. Counted by whoever handed them out; never fatal. */
export class WireError extends SluiceError {
  constructor(message: string) {
    super('SLUICE_WIRE_MALFORMED', message);
  }
}

/** The one-line reason inside anything thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error instanceof Error) return error.message.split('\n', 1)[0] || error.name;
  return String(error);
}
