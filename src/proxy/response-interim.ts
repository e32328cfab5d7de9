/** Responses with status 1xx. */
import { connectionOptions, fieldKind, PLAIN } from './fields.ts';

/** The end-to-end fields of an informational response such as 103 Early Hints. */
export function informationFields(raw: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (fieldKind(name) === PLAIN) out.push(name, raw[i + 1] ?? '');
  }
  return out;
}

/**
 * The whole head of a 101 response as sent to the client.
 *
 * @param raw fields of the upstream's 101
 * @param added flat fields of ours, in place of same-named ones
 */
export function switchingHead(raw: readonly string[], added: readonly string[], via: string): string {
  const ours = new Set(added.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  let connection = '';
  let protocol = '';
  let head = 'HTTP/1.1 101 Switching Protocols\r\n';
  const ends: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const lower = (raw[i] ?? '').toLowerCase();
    if (lower === 'connection') connection += `,${raw[i + 1] ?? ''}`;
    else if (lower === 'upgrade') protocol = raw[i + 1] ?? '';
    else if (fieldKind(lower) === PLAIN && !ours.has(lower)) ends.push(raw[i] ?? '', raw[i + 1] ?? '');
  }
  const options = connectionOptions(connection);
  const fields = [...ends, ...added];
  for (let i = 0; i < fields.length; i += 2) {
    if (options?.has((fields[i] ?? '').toLowerCase()) !== true) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  }
  return `${head}Via: ${via}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}
