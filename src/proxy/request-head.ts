import { decimal } from './characters.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  FORWARDED_FOR,
  fieldKind,
  HOST,
  listHas,
  MAX_FORWARDS,
  PLAIN,
  TE,
  TRAILER,
  TRANSFER_ENCODING,
  UPGRADE,
} from './fields.ts';

/** What a proxy has to know of a request's fields, gathered in one pass. */
export class RequestHead {
  /** Flat: name, value, name, value, as they arrived. */
  readonly raw: readonly string[];
  hosts = 0;
  host = '';
  /** The Connection fields joined; '' when there is none. */
  connection = '';
  /** Undefined when there is no such field; -1 when it is malformed or there are several. */
  contentLength: number | undefined = undefined;
  /** The Transfer-Encoding fields joined; undefined when there is none (an empty one is not none). */
  transferEncoding: string | undefined = undefined;
  upgrade: string | undefined = undefined;
  expect: string | undefined = undefined;
  te = '';
  forwardedFor: string | undefined = undefined;
  maxForwards: string | undefined = undefined;
  hasTrailer = false;

  constructor(raw: readonly string[]) {
    this.raw = raw;
    for (let i = 0; i < raw.length; i += 2) {
      const kind = fieldKind(raw[i] ?? '');
      if (kind !== PLAIN) this.#note(kind, raw[i + 1] ?? '');
    }
  }

  #note(kind: number, value: string): void {
    if (kind === HOST) {
      this.hosts++;
      this.host = value;
    } else if (kind === CONNECTION) {
      this.connection = this.connection === '' ? value : `${this.connection}, ${value}`;
    } else if (kind === CONTENT_LENGTH) {
      this.contentLength = this.contentLength === undefined ? decimal(value) : -1;
    } else if (kind === TRANSFER_ENCODING) {
      this.transferEncoding = this.transferEncoding === undefined ? value : `${this.transferEncoding}, ${value}`;
    } else if (kind === FORWARDED_FOR) {
      this.forwardedFor = this.forwardedFor === undefined ? value : `${this.forwardedFor}, ${value}`;
    } else if (kind === TE) {
      this.te = this.te === '' ? value : `${this.te}, ${value}`;
    } else if (kind === UPGRADE) {
      this.upgrade = this.upgrade === undefined ? value : `${this.upgrade}, ${value}`;
    } else if (kind === EXPECT) {
      this.expect = value;
    } else if (kind === MAX_FORWARDS) {
      this.maxForwards = value;
    } else if (kind === TRAILER) {
      this.hasTrailer = true;
    }
  }

  /** Whether the client reads trailer fields (`TE: trailers`). */
  get wantsTrailers(): boolean {
    return this.te !== '' && listHas(this.te, 'trailers');
  }
}

/** How a request's body is delimited. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'malformed' | 'unsupported';

/**
 * RFC 9112, 6: exactly one way to find the end of the body, or the request is refused. Everything that two parsers could
 * read differently is `malformed`: both fields, an empty or odd Transfer-Encoding, one in HTTP/1.0, several lengths.
 */
export function requestFraming(head: RequestHead, httpMinor: number): BodyFraming {
  const coding = head.transferEncoding;
  if (coding === undefined) {
    if (head.contentLength === undefined) return 'none';
    return head.contentLength < 0 ? 'malformed' : 'length';
  }
  if (head.contentLength !== undefined || httpMinor === 0) return 'malformed';
  if (coding === 'chunked' || coding.toLowerCase() === 'chunked') return 'chunked';
  // A well-formed list that ends in chunked names codings we do not undo: 501. Anything else has no certain end: 400.
  const codings = coding.toLowerCase().split(',');
  const named = codings.every((part) => part.trim() !== '' && part.trim() !== 'identity');
  const last = codings.at(-1)?.trim() === 'chunked';
  return named && last && codings.filter((part) => part.trim() === 'chunked').length === 1
    ? 'unsupported'
    : 'malformed';
}
