/** A collector of traces as a real HTTP server: takes OTLP over HTTP in protobuf, and keeps the spans. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Upstream } from './http.ts';
import { startUpstream } from './http.ts';
import type { Message } from './protobuf.ts';
import { readMessage } from './protobuf.ts';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' at the start of a trace. */
  readonly parentId: string;
  readonly state: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'other';
  /** Milliseconds since the Unix epoch. */
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Attributes of whoever sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Collector extends AsyncDisposable {
  /** Base URL, for `tracing.endpoint`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Header fields of the last export. */
  readonly fields: () => IncomingMessage['headers'];
  /** Exports that came, taken or not. */
  readonly exports: () => number;
}

export interface CollectorOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** In place of taking the spans. */
  readonly answer?: (response: ServerResponse) => void;
}

export async function startCollector({ port = 0, answer }: CollectorOptions = {}): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  let fields: IncomingMessage['headers'] = {};
  let exports = 0;
  const server: Upstream = await startUpstream(
    async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      exports++;
      fields = request.headers;
      if (answer !== undefined) {
        answer(response);
        return;
      }
      if (request.method !== 'POST' || !(request.url ?? '').endsWith('/v1/traces')) {
        response.writeHead(404).end();
        return;
      }
      spans.push(...readExport(Buffer.concat(pieces)));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    },
    '127.0.0.1',
    port,
  );
  return {
    url: server.url,
    spans,
    fields: () => fields,
    exports: () => exports,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

const KINDS = ['other', 'internal', 'server', 'client'] as const;
const FAILED = 2;

/** opentelemetry/proto/trace/v1/trace.proto gives the numbers of the fields. */
function readExport(bytes: Buffer): ReceivedSpan[] {
  return readMessage(bytes)
    .messages(1)
    .flatMap((resourceSpans) => {
      const resource = attributes(resourceSpans.messages(1)[0]?.messages(1) ?? []);
      return resourceSpans.messages(2).flatMap((scope) => scope.messages(2).map((span) => readSpan(span, resource)));
    });
}

function readSpan(span: Message, resource: Readonly<Record<string, unknown>>): ReceivedSpan {
  return {
    traceId: span.bytes(1)?.toString('hex') ?? '',
    spanId: span.bytes(2)?.toString('hex') ?? '',
    state: span.text(3) ?? '',
    parentId: span.bytes(4)?.toString('hex') ?? '',
    name: span.text(5) ?? '',
    kind: KINDS[Number(span.number(6) ?? 0n)] ?? 'other',
    start: Number(span.number(7) ?? 0n) / 1e6,
    end: Number(span.number(8) ?? 0n) / 1e6,
    attributes: attributes(span.messages(9)),
    failed: Number(span.messages(15)[0]?.number(3) ?? 0n) === FAILED,
    resource,
  };
}

function attributes(pairs: readonly Message[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map((pair) => [pair.text(1) ?? '', anyValue(pair.messages(2)[0])]));
}

function anyValue(value: Message | undefined): unknown {
  const number = value?.number(3);
  if (number !== undefined) return Number(number);
  const list = value?.messages(5)[0];
  if (list !== undefined) return list.messages(1).map(anyValue);
  return value?.text(1);
}
