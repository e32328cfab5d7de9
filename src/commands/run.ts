/** `sluice run`: builds the gateway from a file or from flags, and runs it until a signal ends it. */

import type { Reread } from '../app.ts';
import { App } from '../app.ts';
import { formatFault } from '../config/faults.ts';
import { loadConfigFile } from '../config/load.ts';
import type { QuickFlags } from '../config/quick.ts';
import { quickConfig } from '../config/quick.ts';
import type { Address, Config } from '../config/types.ts';
import { systemClock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import { FileWatcher } from '../core/file-watcher.ts';
import { systemRandom } from '../core/random.ts';
import type { DemoUpstream } from '../demo-upstream.ts';
import { startDemoUpstream } from '../demo-upstream.ts';
import { createLogger } from '../metrics/logger.ts';
import { EXIT_CODES, listenForSignals } from './signals.ts';

export interface RunFlags {
  readonly config?: string;
  readonly upstream?: string;
  readonly limit?: string;
  readonly key?: string;
  readonly redis?: string;
  readonly listen?: string;
  readonly admin?: string;
}

interface Source {
  readonly config: Config;
  /** The file's text; undefined when the configuration came from flags. */
  readonly text: string | undefined;
}

/** Runs until SIGTERM or SIGINT, see signals.ts; resolves with the exit code. Faults of the configuration are printed, one a line. */
export async function runGateway(flags: RunFlags, version: string): Promise<number> {
  const demo = flags.config === undefined && flags.upstream === undefined ? await startDemoUpstream() : undefined;
  const env = demo === undefined ? process.env : { ...process.env, SLUICE_DEMO_UPSTREAM: demo.origin };
  const source = flags.config === undefined ? fromFlags({ ...flags, env }) : fromFile(flags.config, flags);
  if (source === undefined) {
    await demo?.close();
    return flags.config === undefined ? 2 : 1;
  }
  return serve(source, flags, version, demo);
}

async function serve(
  source: Source,
  flags: RunFlags,
  version: string,
  demo: DemoUpstream | undefined,
): Promise<number> {
  const { config, text } = source;
  const file = flags.config;
  const clock = systemClock;
  const logs = createLogger({ level: config.log.level });
  const { logger } = logs;
  const reread = file === undefined ? undefined : (): Reread => rereadFile(file);
  const app = new App({ config, reread, version, clock, random: systemRandom, logs });
  // Before anything that takes time: a signal that nobody listens to ends the process, and as process 1 is lost.
  const signals = listenForSignals(clock, () => void app.reload());

  const life = async (): Promise<number> => {
    const { gateway, admin } = await app.start();
    const watcher =
      file === undefined
        ? undefined
        : new FileWatcher({
            file,
            subject: 'configuration file',
            text,
            clock,
            logger,
            onChange: () => void app.reload(),
          });
    await watcher?.start();
    process.stdout.write(`sluice ${version} listening on ${urlOf(gateway)}, admin on ${urlOf(admin)}\n`);
    if (demo !== undefined) process.stdout.write(`${demoHint(gateway)}\n`);
    const signal = await signals.stop;
    logger.info({ signal }, 'shutting down: finishing what is in flight');
    await watcher?.close();
    const finished = await app.stop();
    await demo?.close();
    if (!finished) logger.warn({}, 'shutdownTimeout passed: the requests still running were cut off');
    return 0;
  };
  const impatience = async (): Promise<number> => {
    const signal = await signals.stopNow;
    logger.warn({ signal }, 'told to stop once more: ending at once');
    return EXIT_CODES[signal];
  };
  const code = await Promise.race([life(), impatience()]);
  logs.flush();
  return code;
}

function fromFlags(flags: QuickFlags): Source | undefined {
  const result = quickConfig(flags);
  if ('config' in result) return { config: result.config, text: undefined };
  for (const error of result.errors) process.stderr.write(`sluice: ${error}\n`);
  return undefined;
}

function fromFile(file: string, flags: RunFlags): Source | undefined {
  const { config: _, ...others } = flags;
  if (file === '') throw new SluiceError('SLUICE_USAGE', '--config names no file');
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new SluiceError('SLUICE_USAGE', `--${other} does not go with --config (write it into the file)`);
  }
  const result = loadConfigFile(file, process.env);
  if ('config' in result) return { config: result.config, text: result.text };
  process.stderr.write(`${result.faults.map(formatFault).join('\n')}\n`);
  return undefined;
}

function rereadFile(file: string): Reread {
  const result = loadConfigFile(file, process.env);
  return 'config' in result ? { config: result.config } : { faults: result.faults.map(formatFault) };
}

function urlOf({ host, port }: Address): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function demoHint(gateway: Address): string {
  const url = urlOf(gateway);
  return [
    'demo: 10 requests per 10 seconds for each client, in front of a service that echoes. Try:',
    `  for i in $(seq 12); do curl -s -o /dev/null -w '%{http_code}\\n' ${url}/; done`,
    'then put your own service behind it: npm start -- --upstream http://localhost:3000 --limit 100/1m',
  ].join('\n');
}
