import type { UpstreamRequest } from './client.ts';

/** The head of a request with its framing, up to and including the empty line. Latin-1. */
export function requestHeadText(request: UpstreamRequest): string {
  const { fields, length, upgrade } = request;
  let head = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${request.host}\r\n`;
  let connection = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    head += `${name}: ${fields[i + 1] ?? ''}\r\n`;
    // RFC 9110, 10.1.4: TE concerns this connection only and says so.
    if (name === 'TE') connection = 'TE';
  }
  if (upgrade !== undefined) {
    head += `Connection: ${connection === '' ? 'Upgrade' : 'TE, Upgrade'}\r\nUpgrade: ${upgrade}\r\n`;
  } else if (connection !== '') head += `Connection: ${connection}\r\n`;
  if (length !== undefined) head += `Content-Length: ${length}\r\n`;
  else if (request.streaming) head += 'Transfer-Encoding: chunked\r\n';
  return `${head}\r\n`;
}

/** The end of a chunked body. @param trailers flat */
export function lastChunkText(trailers: readonly string[]): string {
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i] ?? ''}: ${trailers[i + 1] ?? ''}\r\n`;
  return `${text}\r\n`;
}
