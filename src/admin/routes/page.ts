/** One page for people: what runs here, and where to look. Filled in on the server; no script. */
import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import type { AdminDeps, LimitSummary } from '../deps.ts';
import { content, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8886; vertical-align: top }
code { font-size: .9em }
`;
const CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

export function pageRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/',
    {
      config: { access: 'page' },
      schema: {
        tags: ['page'],
        operationId: 'page',
        summary: 'Status page',
        security: [{ token: [] }, { page: [] }, {}],
        response: { 200: content('HTML.', 'text/html', Type.String()), ...problems(401) },
      },
    },
    (_request, reply) =>
      reply
        .header('content-security-policy', CSP)
        .header('content-type', 'text/html; charset=utf-8')
        .serializer((html: unknown) => String(html))
        .send(page(deps)),
  );
}

function page(deps: AdminDeps): string {
  const { ready, reasons } = deps.readiness();
  const limits = deps.limits();
  const state = ready ? 'ready' : `not ready: ${reasons.join('; ')}`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sluice</title><style>${STYLE}</style></head>
<body>
<h1>Sluice ${escapeHtml(deps.version)}</h1>
<p>Running since ${new Date(deps.startedAt).toISOString()}; ${escapeHtml(state)}.</p>
<p><a href="/metrics">Metrics</a> · <a href="/v1/limits">Limits as JSON</a> · <a href="/v1/peers">Other hosts</a> · <a href="/openapi.json">OpenAPI</a> ·
<a href="/healthz">healthz</a> · <a href="/readyz">readyz</a></p>
<h2>Limits</h2>
${limits.length === 0 ? '<p>None: every request passes.</p>' : table(limits)}
<p>How much a key has left: <code>GET /v1/limits/<var>limit</var>/keys/<var>key</var></p>
</body>
</html>
`;
}

function table(limits: readonly LimitSummary[]): string {
  const columns = ['Limit', 'Key', 'Rate', 'Algorithm', 'Sharing', 'Mode', 'On failure', 'Overrides', 'Routes'];
  const rows = limits.map((limit) => [
    limit.name,
    limit.key.join(' + '),
    limit.max === undefined ? limit.rates.join(' and ') : `${limit.max} in flight`,
    limit.algorithm,
    limit.sharing,
    limit.mode,
    limit.onFailure,
    String(limit.overrides),
    limit.routes.join(', ') || 'none',
  ]);
  const cells = (tag: 'th' | 'td', values: readonly string[]): string =>
    `<tr>${values.map((value) => `<${tag}>${escapeHtml(value)}</${tag}>`).join('')}</tr>`;
  return `<table>\n${cells('th', columns)}\n${rows.map((row) => cells('td', row)).join('\n')}\n</table>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
