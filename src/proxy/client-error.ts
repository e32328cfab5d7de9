/** Requests that Node's parser gives up on: there is no request object to answer, only a connection. */
import type { Socket } from 'node:net';
import type { Fault } from './faults.ts';
import { FAULTS, rawFaultResponse } from './faults.ts';

/** What Node reports with `clientError`. */
export interface ClientError extends Error {
  readonly code?: string;
  readonly rawPacket?: Uint8Array;
}

/** The connection ended or failed; nobody is there to read an answer. */
export function isDisconnect(error: ClientError): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'HPE_INVALID_EOF_STATE';
}

export function faultOfClientError(error: ClientError): Fault {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return FAULTS.headersTooLarge;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return FAULTS.requestTimeout;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return FAULTS.bodyTooLarge;
    case 'HPE_INVALID_METHOD':
      return startsLikeRequest(error.rawPacket) ? FAULTS.method : FAULTS.malformed;
    case 'HPE_INVALID_VERSION':
      return FAULTS.version;
    default:
      return FAULTS.malformed;
  }
}

/** Whether the bytes begin with a word in capitals and a space: an unknown method, rather than no HTTP at all. */
function startsLikeRequest(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined) return false;
  for (let i = 0; i < Math.min(bytes.length, 32); i++) {
    const c = bytes[i] ?? 0;
    if (c === 32) return i > 0;
    if (c < 65 || c > 90) return false;
  }
  return false;
}

/** Answers on the bare connection and closes it. */
export function answerUnreadable(socket: Socket, fault: Fault, now: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.write(rawFaultResponse(fault, new Date(now).toUTCString()), 'latin1');
  socket.destroySoon();
}
