/** One finished span, before it is anybody's format. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** undefined: the trace starts here. */
  readonly parentId: string | undefined;
  /** The parent is the caller's, in another process. */
  readonly remoteParent: boolean;
  /** The `tracestate` of its trace. */
  readonly state: string | undefined;
  readonly kind: 'server' | 'client' | 'internal';
  readonly name: string;
  /** Milliseconds since the Unix epoch, with fraction. */
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
  readonly attributes: Attributes;
}

export type Attributes = Record<string, string | number | string[]>;

/** Takes finished spans. */
export interface SpanSink {
  add(span: Span): void;
}
