/** Reads messages in the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/), without a schema. */

/** The fields of one message, by their numbers. */
export interface Message {
  messages(field: number): readonly Message[];
  bytes(field: number): Buffer | undefined;
  text(field: number): string | undefined;
  /** A varint or a fixed-size number, unsigned. */
  number(field: number): bigint | undefined;
}

/** @throws when the bytes are no message */
export function readMessage(bytes: Buffer): Message {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error('a varint has no end');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    const values = fields.get(number) ?? [];
    fields.set(number, values);
    switch (tag & 7) {
      case 0:
        values.push(varint());
        break;
      case 1:
        values.push(bytes.readBigUInt64LE(at));
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        if (at + length > bytes.length) throw new Error('a field is longer than its message');
        values.push(bytes.subarray(at, at + length));
        at += length;
        break;
      }
      case 5:
        values.push(BigInt(bytes.readUInt32LE(at)));
        at += 4;
        break;
      default:
        throw new Error(`wire type ${tag & 7} is none`);
    }
  }
  const first = (field: number): Buffer | bigint | undefined => fields.get(field)?.[0];
  const bytesOf = (field: number): Buffer | undefined => {
    const value = first(field);
    return typeof value === 'bigint' ? undefined : value;
  };
  return {
    messages: (field) => (fields.get(field) ?? []).flatMap((v) => (typeof v === 'bigint' ? [] : [readMessage(v)])),
    bytes: bytesOf,
    text: (field) => bytesOf(field)?.toString('utf8'),
    number: (field) => {
      const value = first(field);
      return typeof value === 'bigint' ? value : undefined;
    },
  };
}
