import { Buffer } from 'node:buffer';
import { ChunkDecoder } from './h1-chunks.ts';
import type { ResponseHeadText } from './h1-head.ts';
import { CHUNKED, parseResponseHead, UNTIL_CLOSE } from './h1-head.ts';

const MAX_HEAD_BYTES = 65_536;
/** Heads are looked for in so many bytes first, so that a long body is not turned into text in vain. */
const USUAL_HEAD_BYTES = 4_096;
const NO_TRAILERS: readonly string[] = [];

/** Hears what a response consists of. Each may end the reading by `stop`. */
export interface ResponseEvents {
  information(head: ResponseHeadText): void;
  /** 101; `rest` is in the new protocol. */
  switching(head: ResponseHeadText, rest: Buffer): void;
  head(head: ResponseHeadText): void;
  /** Only valid during the call. */
  data(chunk: Buffer): void;
  complete(head: ResponseHeadText, trailers: readonly string[]): void;
  broken(reason: string): void;
}

/** The head that a server sent last. Most repeat it byte for byte for a second, until the date changes: no need to read it again. */
export interface LastHead {
  /** Latin-1, with its empty line; '' for none. */
  text: string;
  head: ResponseHeadText | undefined;
}

/** Longer ones are not kept. */
const KEPT_HEAD_BYTES = 2_048;

/** Finds the parts of one response in bytes that arrive in any division. One reader for one response. */
export class ResponseReader {
  readonly #events: ResponseEvents;
  readonly #headOnly: boolean;
  readonly #last: LastHead;
  #partial: Buffer | undefined = undefined;
  #head: ResponseHeadText | undefined = undefined;
  #left = 0;
  #chunks: ChunkDecoder | undefined = undefined;
  #stopped = false;
  #take: ((chunk: Buffer) => void) | undefined = undefined;

  /** @param headOnly the request was HEAD: the fields announce a body that does not come */
  constructor(events: ResponseEvents, headOnly: boolean, last: LastHead) {
    this.#events = events;
    this.#headOnly = headOnly;
    this.#last = last;
  }

  /** Whether the final head has been read and the body goes on. */
  get inBody(): boolean {
    return this.#head !== undefined && !this.#stopped;
  }

  /** Nothing more is told. */
  stop(): void {
    this.#stopped = true;
  }

  /** @returns how many bytes belong to this response; fewer than `size` once it is complete */
  read(bytes: Buffer, size: number): number {
    let at = 0;
    while (at < size && !this.#stopped) {
      if (this.#head === undefined) at = this.#readHead(bytes, at, size);
      else if (this.#chunks !== undefined) at = this.#readChunks(this.#head, this.#chunks, bytes, at, size);
      else at = this.#readPlain(this.#head, bytes, at, size);
    }
    return at;
  }

  /** The connection has ended. @returns whether that was the end of the body */
  end(): boolean {
    if (this.#head === undefined || this.#left !== UNTIL_CLOSE || this.#stopped) return false;
    this.#complete(this.#head, NO_TRAILERS);
    return true;
  }

  #readHead(fresh: Buffer, from: number, freshSize: number): number {
    let bytes = fresh;
    let at = from;
    let size = freshSize;
    const kept = this.#partial?.length ?? 0;
    if (this.#partial !== undefined) {
      bytes = Buffer.concat([this.#partial, fresh.subarray(from, freshSize)]);
      at = 0;
      size = bytes.length;
    }
    let text = bytes.toString('latin1', at, Math.min(size, at + USUAL_HEAD_BYTES));
    const last = this.#last;
    if (last.head !== undefined && text.startsWith(last.text)) {
      this.#partial = undefined;
      this.#begin(last.head);
      return from + last.text.length - kept;
    }
    let end = text.indexOf('\r\n\r\n');
    if (end === -1 && size - at > USUAL_HEAD_BYTES) {
      text = bytes.toString('latin1', at, Math.min(size, at + MAX_HEAD_BYTES));
      end = text.indexOf('\r\n\r\n');
    }
    if (end === -1) {
      if (size - at >= MAX_HEAD_BYTES) return this.#broken('the head is too long', freshSize);
      this.#partial = Buffer.from(bytes.subarray(at, size));
      return freshSize;
    }
    this.#partial = undefined;
    const head = parseResponseHead(text, end);
    if (head === undefined) return this.#broken('the head is malformed', freshSize);
    const bodyAt = from + end + 4 - kept;
    if (head.status === 101) {
      this.#stopped = true;
      this.#events.switching(head, fresh.subarray(bodyAt, freshSize));
    } else if (head.status < 200) this.#events.information(head);
    else {
      if (end < KEPT_HEAD_BYTES) {
        last.text = text.slice(0, end + 4);
        last.head = head;
      }
      this.#begin(head);
    }
    return bodyAt;
  }

  #begin(head: ResponseHeadText): void {
    this.#head = head;
    const { status } = head;
    this.#left = this.#headOnly || status === 204 || status === 304 ? 0 : head.length;
    if (this.#left === CHUNKED) {
      this.#chunks = new ChunkDecoder();
      this.#take = (chunk) => {
        if (!this.#stopped) this.#events.data(chunk);
      };
    }
    this.#events.head(head);
    if (this.#left === 0) this.#complete(head, NO_TRAILERS);
  }

  #readPlain(head: ResponseHeadText, bytes: Buffer, at: number, size: number): number {
    const end = this.#left === UNTIL_CLOSE ? size : Math.min(size, at + this.#left);
    this.#events.data(bytes.subarray(at, end));
    if (this.#left === UNTIL_CLOSE) return end;
    this.#left -= end - at;
    if (this.#left === 0) this.#complete(head, NO_TRAILERS);
    return end;
  }

  #readChunks(head: ResponseHeadText, chunks: ChunkDecoder, bytes: Buffer, at: number, size: number): number {
    const end = this.#take === undefined ? -1 : chunks.decode(bytes, at, size, this.#take);
    if (end === -1) return this.#broken('the chunked framing is broken', size);
    if (chunks.done) this.#complete(head, chunks.trailers);
    return end;
  }

  #complete(head: ResponseHeadText, trailers: readonly string[]): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#events.complete(head, trailers);
  }

  #broken(reason: string, at: number): number {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#events.broken(reason);
    }
    return at;
  }
}
