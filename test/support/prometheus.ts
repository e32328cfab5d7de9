/** A real Prometheus for one test, scraping the given addresses; ended with the test. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { answers, startReadyServer } from './ready-server.ts';
import { requireServer } from './servers.ts';

export interface PrometheusOptions {
  /** `host:port` of admin listeners. */
  readonly targets: readonly string[];
  /** Paths of rule files. */
  readonly rules?: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  /** Between two scrapes, milliseconds. Default 500. */
  readonly everyMs?: number;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus extends AsyncDisposable {
  readonly url: string;
  /** An instant query. Rejects with the server's words when it is none. */
  query(expr: string): Promise<readonly Sample[]>;
}

const READY_WITHIN_MS = 20_000;

export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'));
  const every = `${options.everyMs ?? 500}ms`;
  const config = {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: options.rules ?? [],
    scrape_configs: [{ job_name: 'sluice', static_configs: [{ targets: options.targets }] }],
  };
  const file = join(dir, 'prometheus.yml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const server = await startReadyServer({
    name: 'prometheus',
    program: requireServer('prometheus'),
    args: [`--config.file=${file}`, `--storage.tsdb.path=${dir}`, `--web.listen-address=127.0.0.1:${port}`],
    dir,
    ready: () => answers(`${url}/-/ready`),
    withinMs: READY_WITHIN_MS,
  });
  return {
    url,
    query: async (expr) => {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
      const answer = (await response.json()) as Answer;
      if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error ?? 'no answer'}`);
      return (answer.data?.result ?? []).map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly value: readonly [number, string];
    }[];
  };
}
