#!/usr/bin/env node
/** In place of Grafana, which no Debian package brings: healthy, and says what it was given where the real one would look. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const provisioning = process.env['GF_PATHS_PROVISIONING'] ?? '';
const given = (kind: string): unknown => JSON.parse(readFileSync(join(provisioning, kind, 'sluice.yaml'), 'utf8'));
const { providers } = given('dashboards') as { providers: { options: { path: string } }[] };
const state = JSON.stringify({
  datasources: (given('datasources') as { datasources: unknown }).datasources,
  dashboards: providers.flatMap(({ options }) => readdirSync(options.path)),
});
const server = createServer((request, response) => {
  response.end(request.url === '/api/health' ? '{"database":"ok"}' : state);
});
server.listen(Number(process.env['GF_SERVER_HTTP_PORT']), process.env['GF_SERVER_HTTP_ADDR']);
process.on('SIGTERM', () => process.exit(0));
