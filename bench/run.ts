/**
 * Sluice side by side with others, on this machine: CPU time a request, throughput, latency.
 *
 * usage: npm run bench -- [--rounds N] [--duration SECONDS] [--connections N] [--only WORD,WORD] [--json FILE]
 *
 * Prints a Markdown table a scenario on stdout and progress on stderr; writes every sample to the JSON file.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRedis } from '../test/support/redis.ts';
import { startUpstream } from './contestants/nginx.ts';
import type { Bench, Sample } from './measure.ts';
import { measure } from './measure.ts';
import type { Row, Samples } from './report.ts';
import { formatTable, makeRows } from './report.ts';
import type { Scenario } from './scenarios.ts';
import { SCENARIOS } from './scenarios.ts';

const HERE = import.meta.dirname;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly only: readonly string[];
  readonly json: string;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      duration: { type: 'string', default: '4' },
      connections: { type: 'string', default: '64' },
      only: { type: 'string', default: '' },
      json: { type: 'string', default: join(HERE, 'results/latest.json') },
    },
  });
  const whole = (name: 'rounds' | 'duration' | 'connections'): number => {
    if (!/^[1-9]\d*$/.test(values[name])) throw new Error(`--${name} takes a whole number from 1`);
    return Number(values[name]);
  };
  return {
    rounds: whole('rounds'),
    seconds: whole('duration'),
    connections: whole('connections'),
    only: values.only.split(',').filter(Boolean),
    json: values.json,
  };
}

/** Scenarios and contestants that `--only` leaves: a word is a scenario's id, or part of a contestant's name. */
function chosen(only: readonly string[]): readonly Scenario[] {
  const ids = only.filter((word) => SCENARIOS.some(({ id }) => id === word));
  const names = only.filter((word) => !ids.includes(word)).map((word) => word.toLowerCase());
  return SCENARIOS.filter(({ id }) => ids.length === 0 || ids.includes(id))
    .map((scenario) => ({
      ...scenario,
      entries: scenario.entries.filter(
        ({ contestant }) => names.length === 0 || names.some((word) => contestant.name.toLowerCase().includes(word)),
      ),
    }))
    .filter(({ entries }) => entries.length > 0);
}

function install(): void {
  const servers = spawnSync(process.execPath, [join(HERE, '../test/support/install-servers.ts'), '--bench'], {
    stdio: 'inherit',
  });
  if (servers.status !== 0) throw new Error('the servers to measure against are missing');
  if (existsSync(join(HERE, 'node_modules/.package-lock.json'))) return;
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE, stdio: ['ignore', 'ignore', 'inherit'] });
}

async function runScenario(bench: Bench, scenario: Scenario, rounds: number): Promise<Samples> {
  const samples = new Map<string, (Sample | undefined)[]>(
    scenario.entries.map(({ contestant }) => [contestant.name, []]),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const entry of scenario.entries) {
      const label = `${scenario.id} round ${round}/${rounds}, ${entry.contestant.name}`;
      const sample = await measure(bench, scenario, entry).catch((error: unknown) => {
        say(`${label}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
        return undefined;
      });
      samples.get(entry.contestant.name)?.push(sample);
      if (sample === undefined) continue;
      say(
        `${label}: ${sample.gatewayMicros.toFixed(1)} + ${sample.redisMicros.toFixed(1)} µs, ` +
          `${Math.round(sample.requestsPerSecond)}/s, ${(sample.refused * 100).toFixed(1)} % refused`,
      );
      if (Math.abs(sample.refused - scenario.refused) > 0.02)
        say(`${label}: another share was to be refused: ${scenario.refused}`);
    }
  }
  return samples;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(): Promise<void> {
  const options = readOptions();
  const scenarios = chosen(options.only);
  if (scenarios.length === 0)
    throw new Error(`--only leaves nothing; scenarios: ${SCENARIOS.map(({ id }) => id).join(', ')}`);
  install();
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const upstreamDir = join(dir, 'upstream');
  mkdirSync(upstreamDir);
  try {
    await using redis = await startRedis();
    const upstream = await startUpstream(upstreamDir);
    try {
      const { seconds, connections, rounds } = options;
      const bench: Bench = {
        dir,
        redis,
        upstream,
        seconds,
        connections,
        warmUpSeconds: Math.max(2, Math.ceil(seconds / 2)),
      };
      const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`;
      process.stdout.write(
        `${machine}; ${connections} connections, ${rounds} rounds of ${seconds} s; CPU µs a request, medians (least–most)\n\n`,
      );
      const rows: Row[] = [];
      for (const scenario of scenarios) {
        const found = makeRows(scenario, await runScenario(bench, scenario, rounds));
        rows.push(...found);
        process.stdout.write(`${formatTable(scenario, found)}\n`);
      }
      mkdirSync(dirname(options.json), { recursive: true });
      writeFileSync(
        options.json,
        `${JSON.stringify({ version: 1, machine, connections, rounds, seconds, rows }, undefined, 2)}\n`,
      );
      say(`samples: ${options.json}`);
    } finally {
      await upstream.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
