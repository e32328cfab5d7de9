/**
 * What tracing costs a request, and that it costs nothing where it is off: CPU time of gateways side by side under one load.
 *
 *     npx node bench/tracing.ts [--rounds N] [--duration SECONDS] [--before FOLDER]
 *
 * `--before` names another checkout, to be held against this one. All gateways run; the load goes to one after another, in rounds.
 * Ratios are taken within a round, against the gateway without tracing. Each row has its median, least and most.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Gateway } from '../test/support/gateway-process.ts';
import { startGateway } from '../test/support/gateway-process.ts';
import { startUpstream } from './contestants/nginx.ts';
import { cpuMicroseconds } from './process.ts';
import { runWrk } from './wrk.ts';

const CONNECTIONS = 32;
const WARM_UPS = 4;

interface Row {
  readonly name: string;
  readonly start: typeof startGateway;
  /** undefined: off. */
  readonly sample: number | undefined;
  readonly micros: number[];
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    duration: { type: 'string', default: '1' },
    before: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.duration);

const off: Row = { name: 'off', start: startGateway, sample: undefined, micros: [] };
const rows: Row[] = [off];
if (values.before !== undefined) {
  const there = pathToFileURL(resolve(values.before, 'test/support/gateway-process.ts')).href;
  const { startGateway: start } = (await import(there)) as { startGateway: typeof startGateway };
  rows.push({ name: 'before', start, sample: undefined, micros: [] });
}
for (const sample of [0, 0.1, 1]) {
  rows.push({ name: `on, ${sample * 100} % recorded`, start: startGateway, sample, micros: [] });
}

/** Takes spans and does nothing with them: what a collector does is not to be measured. */
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200).end());
});
await new Promise<void>((done) => {
  collector.listen(0, '127.0.0.1', done);
});
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

async function start(row: Row, upstreamPort: number): Promise<Gateway> {
  return row.start({
    env: { NODE_ENV: 'production' },
    config: {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0' },
      log: { level: 'warn', access: 'off' },
      ...(row.sample === undefined ? {} : { tracing: { endpoint, sample: row.sample, maxSpans: 100_000 } }),
      upstreams: { backend: { servers: [`http://127.0.0.1:${upstreamPort}`] } },
      routes: [{ match: { path: '/*' }, upstream: 'backend', limits: ['per-key'] }],
      limits: { 'per-key': { key: 'header:x-api-key', rate: '1000000000/1h' } },
    },
  });
}

async function measure({ port, pid }: Gateway): Promise<number> {
  const before = cpuMicroseconds(pid);
  const { requests } = await runWrk(port, { load: 'many', connections: CONNECTIONS, seconds, rate: 0 });
  return (cpuMicroseconds(pid) - before) / requests;
}

const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
mkdirSync(join(dir, 'upstream'));
const upstream = await startUpstream(join(dir, 'upstream'));
const gateways = await Promise.all(rows.map((row) => start(row, upstream.port)));
try {
  for (const gateway of gateways) for (let i = 0; i < WARM_UPS; i++) await measure(gateway);
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < rows.length; i++) {
      // The order turns, so that nobody is always first.
      const at = (i + round) % rows.length;
      const [row, gateway] = [rows[at], gateways[at]];
      if (row !== undefined && gateway !== undefined) row.micros.push(await measure(gateway));
    }
    process.stderr.write(`round ${round}/${rounds}\n`);
  }
} finally {
  for (const gateway of gateways) await gateway.stop();
  await upstream.stop();
  collector.closeAllConnections();
  collector.close();
  rmSync(dir, { recursive: true, force: true });
}

/** `median (least–most)` */
function spread(numbers: readonly number[], digits: number): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (i: number): string => (sorted[i] ?? Number.NaN).toFixed(digits);
  return `${at(sorted.length >> 1)} (${at(0)}–${at(sorted.length - 1)})`;
}

process.stdout.write(`| tracing | CPU µs a request | of off |\n| --- | ---: | ---: |\n`);
for (const { name, micros } of rows) {
  const ratios = micros.map((value, i) => value / (off.micros[i] ?? Number.NaN));
  process.stdout.write(`| ${name} | ${spread(micros, 1)} | ${spread(ratios, 2)} |\n`);
}
