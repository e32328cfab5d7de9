import type { DetachedRequest } from './detached-requests.ts';

/** A request as `sluice explain` and `POST /v1/explain` take it. */
export interface ExplainedRequest {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clientIp: string | undefined;
}

/** The request as it would arrive at the gateway from `clientIp`. */
export function detachedRequest(request: ExplainedRequest): DetachedRequest {
  // The authority is taken from the text: `URL` would tidy up what the gateway must see as it is.
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]*)([^#]*)/i.exec(request.url) ?? [];
  return {
    method: request.method,
    host: request.headers['host'] ?? authority,
    target: rest.startsWith('/') ? rest : `/${rest}`,
    headers: request.headers,
    peer: request.clientIp ?? '127.0.0.1',
    forwardedFor: request.headers['x-forwarded-for'],
  };
}
