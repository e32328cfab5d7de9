/** The dashboard: a page that listens to `GET /v1/events`. Served from files, read once. */
import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { content, PAGE, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

/**
 * Nothing but our own files: no inline script or style, no other origin, no form that leads away, no text that becomes
 * markup (Trusted Types without a policy).
 */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const MEDIA_TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' } as const;

const FILES = [
  'theme.css',
  'status.css',
  'limits.css',
  'hosts.css',
  'explain.css',
  'narrow.css',
  'icon.svg',
  'main.js',
  'live.js',
  'format.js',
  'dom.js',
  'chart.js',
  'status.js',
  'numbers.js',
  'limits.js',
  'fleet.js',
  'ask.js',
  'hosts.js',
  'picture.js',
  'store.js',
  'reload.js',
  'explain.js',
] as const;

type FileName = (typeof FILES)[number];

export function pageRoutes(app: AdminApp): void {
  const html = read('index.html');
  app.get(
    '/',
    {
      config: { access: 'page' },
      schema: {
        ...PAGE,
        tags: ['page'],
        operationId: 'page',
        summary: 'The dashboard',
        response: { 200: content('HTML.', 'text/html', Type.String()), ...problems(401) },
      },
    },
    (_request, reply) =>
      reply
        .header('content-security-policy', CSP)
        .header('content-type', 'text/html; charset=utf-8')
        .serializer(asIs)
        .send(html),
  );

  const texts = new Map<string, string>(FILES.map((file) => [file, read(file)]));
  app.get(
    '/page/:file',
    {
      config: { access: 'page' },
      schema: {
        ...PAGE,
        tags: ['page'],
        operationId: 'pageFile',
        summary: 'Scripts and styles of the dashboard',
        params: Type.Object({ file: Type.Union(FILES.map((file) => Type.Literal(file))) }),
        response: {
          200: {
            description: 'The file.',
            content: Object.fromEntries(
              Object.values(MEDIA_TYPES).map((type) => [type, { schema: Type.String() }] as const),
            ),
          },
          ...problems(400, 401),
        },
      },
    },
    ({ params: { file } }, reply) =>
      reply
        .header('content-type', `${mediaType(file)}; charset=utf-8`)
        .serializer(asIs)
        .send(texts.get(file)),
  );
}

/** The file's text. The build copies the folder beside the compiled routes. */
function read(file: FileName | 'index.html'): string {
  return readFileSync(new URL(`../page/assets/${file}`, import.meta.url), 'utf8');
}

function mediaType(file: string): string {
  return file.endsWith('.css') ? MEDIA_TYPES.css : file.endsWith('.svg') ? MEDIA_TYPES.svg : MEDIA_TYPES.js;
}

/** The body is text already. */
function asIs(body: unknown): string {
  return String(body);
}
