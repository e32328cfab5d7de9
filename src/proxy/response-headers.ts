import { decimal } from './characters.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  connectionOptions,
  DATE,
  EXPECT,
  fieldKind,
  HOP,
  PLAIN,
  TE,
  TRAILER,
  TRANSFER_ENCODING,
  UPGRADE,
} from './fields.ts';

/** An upstream's response head, made fit to send on. */
export class ResponseHead {
  readonly status: number;
  /** End-to-end fields with ours in place of same-named ones; framing and Trailer not among them. */
  readonly fields: string[];
  /** Undefined when the upstream named none. */
  readonly contentLength: number | undefined;
  readonly hasDate: boolean;
  /** The Trailer fields; only sent where the body is chunked. */
  readonly trailer: string | undefined;
  /** False when two readers could find different ends of the body: several or odd lengths, an unknown coding, both. */
  readonly wellFramed: boolean;

  /**
   * @param raw flat fields as they came
   * @param added flat fields to add; a field of the upstream with the same name is dropped
   */
  constructor(status: number, raw: readonly string[], added: readonly string[], via: string) {
    this.status = status;
    const fields: string[] = [];
    let connection = '';
    let length: number | undefined;
    let coding: string | undefined;
    let trailer: string | undefined;
    let hasDate = false;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] ?? '';
      const value = raw[i + 1] ?? '';
      const kind = fieldKind(name);
      if (kind === PLAIN || kind === DATE) {
        if (kind === DATE) hasDate = true;
        if (added.length === 0 || !names(added, name)) fields.push(name, value);
      } else if (kind === CONTENT_LENGTH) length = length === undefined ? decimal(value) : -1;
      else if (kind === TRANSFER_ENCODING) coding = coding === undefined ? value : `${coding}, ${value}`;
      else if (kind === CONNECTION) connection = connection === '' ? value : `${connection}, ${value}`;
      else if (kind === TRAILER) trailer = trailer === undefined ? value : `${trailer}, ${value}`;
      else if (!dropped(kind)) fields.push(name, value);
    }
    const options = connection === '' ? undefined : connectionOptions(connection);
    this.fields = options === undefined ? fields : without(fields, options);
    for (let i = 0; i < added.length; i++) this.fields.push(added[i] ?? '');
    this.fields.push('Via', via);
    this.contentLength = length;
    this.hasDate = hasDate;
    this.trailer = trailer;
    this.wellFramed =
      length === undefined
        ? coding === undefined || coding.toLowerCase() === 'chunked'
        : length >= 0 && coding === undefined;
  }
}

function dropped(kind: number): boolean {
  return kind === HOP || kind === TE || kind === UPGRADE || kind === EXPECT;
}

/** Whether the flat list names a field so. */
function names(flat: readonly string[], name: string): boolean {
  for (let i = 0; i < flat.length; i += 2) {
    const other = flat[i] ?? '';
    if (other.length === name.length && other.toLowerCase() === name.toLowerCase()) return true;
  }
  return false;
}

function without(flat: readonly string[], options: ReadonlySet<string>): string[] {
  const out: string[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] ?? '';
    if (!options.has(name.toLowerCase())) out.push(name, flat[i + 1] ?? '');
  }
  return out;
}
