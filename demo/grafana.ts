/** A Grafana of this machine, if it has one, with our data source and our dashboards in it. Nothing of its own setup is touched. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/support/free-port.ts';
import { answers, startReadyServer } from '../test/support/ready-server.ts';
import { findServer } from '../test/support/servers.ts';

export const DASHBOARDS = fileURLToPath(new URL('../helm/sluice/dashboards', import.meta.url));
const READY_WITHIN_MS = 60_000;
/** Where Debian's and Red Hat's packages put it; elsewhere GF_PATHS_HOME says. */
const HOME = '/usr/share/grafana';

export interface Grafana extends AsyncDisposable {
  readonly url: string;
}

/** Undefined when this machine has none. Rejects with the end of its log when it does not become ready. */
export async function startGrafana(
  prometheusUrl: string,
  wantedPort: number | undefined,
): Promise<Grafana | undefined> {
  const program = findServer('grafana-server');
  if (program === undefined) return undefined;
  const port = wantedPort ?? (await freePort());
  const dir = mkdtempSync(join(tmpdir(), 'sluice-grafana-'));
  provision(dir, prometheusUrl);
  const home = process.env['GF_PATHS_HOME'] ?? HOME;
  const url = `http://127.0.0.1:${port}`;
  const server = await startReadyServer({
    name: 'grafana',
    program,
    args: ['--homepath', home],
    dir,
    env: settings(dir, port),
    ready: () => answers(`${url}/api/health`),
    withinMs: READY_WITHIN_MS,
    endBy: 'SIGTERM',
  });
  return { url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Grafana reads any setting from GF_SECTION_KEY. Whoever reaches the port may look at everything, so it listens on loopback only. */
function settings(dir: string, port: number): Record<string, string> {
  return {
    GF_PATHS_DATA: join(dir, 'data'),
    GF_PATHS_LOGS: join(dir, 'logs'),
    GF_PATHS_PLUGINS: join(dir, 'plugins'),
    GF_PATHS_PROVISIONING: join(dir, 'provisioning'),
    GF_SERVER_HTTP_ADDR: '127.0.0.1',
    GF_SERVER_HTTP_PORT: String(port),
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Admin',
    GF_ANALYTICS_REPORTING_ENABLED: 'false',
    GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
  };
}

function provision(dir: string, prometheusUrl: string): void {
  const files = {
    datasources: {
      apiVersion: 1,
      datasources: [
        {
          name: 'Sluice demo',
          type: 'prometheus',
          access: 'proxy',
          url: prometheusUrl,
          isDefault: true,
          jsonData: { timeInterval: '1s' },
        },
      ],
    },
    dashboards: {
      apiVersion: 1,
      providers: [{ name: 'sluice', type: 'file', options: { path: DASHBOARDS } }],
    },
  };
  for (const [kind, content] of Object.entries(files)) {
    const folder = join(dir, 'provisioning', kind);
    mkdirSync(folder, { recursive: true });
    // JSON is YAML.
    writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(content));
  }
}
