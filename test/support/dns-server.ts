import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

const TYPE_A = 1;
const TYPE_AAAA = 28;
const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;

/** A name server for one test: answers A and AAAA over UDP (RFC 1035), from what it is told. */
export class DnsServer {
  /** Addresses by name. A name that is not there does not exist. */
  readonly names = new Map<string, readonly string[]>();
  /** Answers that it has a failure, whatever it is asked. */
  fails = false;
  asked = 0;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (query, { address, port }) => {
      this.asked++;
      socket.send(this.#answer(query), port, address);
    });
  }

  /** @throws when the port may not be listened on */
  static async start(host: string, port = 53): Promise<DnsServer> {
    const socket = createSocket('udp4');
    socket.bind(port, host);
    await once(socket, 'listening');
    return new DnsServer(socket);
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = query.readUInt16BE(at + 1);
    const addresses = this.names.get(labels.join('.').toLowerCase());
    const wanted = this.fails
      ? []
      : (addresses ?? []).filter((address) => type === (isIPv6(address) ? TYPE_AAAA : TYPE_A));
    const code = this.fails ? SERVER_FAILURE : addresses === undefined ? NO_SUCH_NAME : NO_ERROR;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    // An answer, with recursion wanted and available.
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(wanted.length, 6);
    return Buffer.concat([head, query.subarray(12, at + 5), ...wanted.map((address) => record(type, address))]);
  }
}

function record(type: number, address: string): Buffer {
  const data = isIPv6(address) ? v6Bytes(address) : Buffer.from(address.split('.').map(Number));
  const head = Buffer.alloc(12);
  // The name is the question's, which stands at byte 12.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function v6Bytes(address: string): Buffer {
  const [left = '', right = ''] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [first, last] = [groups(left), groups(right)];
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
