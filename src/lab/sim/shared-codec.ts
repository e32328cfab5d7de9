import type { CountingMessage } from '../../cluster/wire/counts.ts';
import { decodeCounts, encodeCounts } from '../../cluster/wire/counts-codec.ts';
import type { CountsCodec } from '../../sharing/replica-exchange.ts';

/** Bytes that carry what they were read as. */
interface Read extends Uint8Array {
  message?: CountingMessage;
}

/**
 * The real bytes, read once however many receive them: in a simulation a message to all is one array. What has been read is
 * never changed by whoever gets it.
 */
export const sharedCodec: CountsCodec = {
  encode: encodeCounts,
  decode: (payload: Read) => {
    payload.message ??= decodeCounts(payload);
    return payload.message;
  },
};
