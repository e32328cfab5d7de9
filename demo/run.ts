/** Starts everything that the dashboards are about, says where it listens, and ends all of it again. See options.ts for the flags. */
import { argv, stderr, stdout } from 'node:process';
import { BOARDS } from '../dashboards/files.ts';
import { missingServers, whatToInstall } from '../test/support/servers.ts';
import type { Grafana } from './grafana.ts';
import { DASHBOARDS, startGrafana } from './grafana.ts';
import type { DemoOptions } from './options.ts';
import { firstTaken, readOptions, USAGE } from './options.ts';
import { queriesOf, rulesReport, unanswered } from './panels.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';
import { writeSummary } from './summary.ts';

const SCRAPE_EVERY_MS = 1_000;
const ANSWERS_WITHIN_MS = 60_000;

async function main(): Promise<number> {
  let options: DemoOptions | 'help';
  try {
    options = readOptions(argv.slice(2));
  } catch (error) {
    stderr.write(`demo: ${oneLine(error)} (try npm run demo -- --help)\n`);
    return 2;
  }
  if (options === 'help') {
    stdout.write(`${USAGE}\n`);
    return 0;
  }
  const missing = missingServers(['redis-server', 'prometheus']);
  if (missing.length > 0) {
    stderr.write(`${whatToInstall(missing)}\n`);
    return 1;
  }
  const taken = await firstTaken(options.ports);
  if (taken !== undefined) {
    stderr.write(`demo: port ${taken} is in use; leave the flag out to take a free one\n`);
    return 1;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  try {
    return await demonstrate(options, stop.signal);
  } catch (error) {
    // Servers on the same terminal get its Ctrl-C too; what fails then is the end and no fault.
    if (stop.signal.aborted) return 0;
    stderr.write(`demo: ${oneLine(error)}\n`);
    return 1;
  }
}

async function demonstrate(options: DemoOptions, stop: AbortSignal): Promise<number> {
  const { check, perSecond, ports } = options;
  await using stack = await startStack({ perSecond, scrapeEveryMs: SCRAPE_EVERY_MS, ports });
  await using grafana = await grafanaOrReason(stack.prometheus.url, ports.grafana);
  stdout.write(`${whereItListens(stack, grafana)}\n\n`);
  const faults = await Promise.race([look(stack), aborted(stop)]);
  if (check) return faults === 0 ? 0 : 1;
  if (!stop.aborted) {
    stdout.write('\nCtrl-C ends everything.\n');
    writeSummary(stack.load, stack.prometheus, stdout, stop);
    await aborted(stop);
  }
  stdout.write('ending everything\n');
  return 0;
}

/** Says of every dashboard, and of the rules, whether they answer. Returns how many do not. */
async function look({ prometheus }: Stack): Promise<number> {
  let faults = 0;
  const report = (name: string, what: string, bad: readonly string[]): void => {
    faults += bad.length;
    stdout.write(`${bad.length === 0 ? 'ok    ' : 'FAULT '} ${name}: ${what}\n`);
    for (const each of bad) stdout.write(`         ${each}\n`);
  };
  const deadline = performance.now() + ANSWERS_WITHIN_MS;
  for (const board of BOARDS) {
    const bad = await unanswered(prometheus, board, deadline - performance.now());
    report(`dashboard ${board.title}`, `${queriesOf(board).length} queries, ${bad.length} without an answer`, bad);
  }
  const { count, faults: bad } = await rulesReport(prometheus, deadline - performance.now());
  report('recording rules and alerts', `${count} loaded, ${bad.length} that cannot be evaluated`, bad);
  return faults;
}

/** A Grafana that does not start is no reason to show nothing. */
async function grafanaOrReason(prometheusUrl: string, port: number | undefined): Promise<Grafana | undefined> {
  try {
    return await startGrafana(prometheusUrl, port);
  } catch (error) {
    stderr.write(`demo: ${oneLine(error)}\n`);
    return undefined;
  }
}

function whereItListens({ gateways, redis, prometheus }: Stack, grafana: Grafana | undefined): string {
  const rows = [
    ...gateways.flatMap(({ url, adminUrl }, i) => [
      [`gateway ${i + 1}`, url],
      [`  its dashboard page`, adminUrl],
    ]),
    ['redis', redis.url],
    ['prometheus', prometheus.url],
    ['  alerts', `${prometheus.url}/alerts`],
    [
      'grafana',
      grafana === undefined ? `none here: import ${DASHBOARDS}/*.json into yours` : `${grafana.url}/dashboards`,
    ],
    ...(grafana === undefined ? [['', `(Dashboards, New, Import), with ${prometheus.url} as data source`]] : []),
  ];
  return rows.map(([name = '', where = '']) => `${name.padEnd(22)}${where}`).join('\n');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().replaceAll(/\s*\n\s*/g, '; ');
}

const code = await main();
// Whatever still asks for what has ended is not waited for.
process.exit(code);
