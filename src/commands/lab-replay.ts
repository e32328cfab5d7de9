/** `sluice lab replay`: an access log through a configuration. Counts nothing outside this process. */
import { formatFault } from '../config/faults.ts';
import { loadConfigFile } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { systemClock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import { Progress } from '../lab/progress.ts';
import { normaliseHost } from '../proxy/host.ts';
import type { Spread } from './lab-replay-fleet.ts';
import { replay } from './lab-replay-run.ts';
import { replayText } from './lab-replay-text.ts';
import { print } from './output.ts';

export interface ReplayFlags {
  readonly config: string;
  readonly against?: string;
  readonly log: readonly string[];
  readonly hosts?: string;
  readonly spread: string;
  readonly host?: string;
  readonly seed: string;
  readonly json?: boolean;
}

const MOST_HOSTS = 1_000;

/**
 * Prints who would have been refused. Returns the exit code: 1 for a configuration with faults.
 * @throws SluiceError SLUICE_USAGE for a flag that is wrong, a log that cannot be read, or one without a request in it
 */
export async function replayCommand(flags: ReplayFlags): Promise<number> {
  const hosts = flags.hosts === undefined ? undefined : whole('--hosts', flags.hosts, 2, MOST_HOSTS);
  const seed = whole('--seed', flags.seed, 0, 2 ** 31 - 1);
  const spread = spreadOf(flags.spread);
  if (flags.log.length === 0) usage("required option '--log <file>' not specified");
  if (flags.log.filter((file) => file === '-').length > 1)
    usage('--log - may be given once: there is one standard input');
  const host = flags.host === undefined ? undefined : normaliseHost(flags.host);
  if (flags.host !== undefined && (host === undefined || host === ''))
    usage(`--host ${JSON.stringify(flags.host)} is no host`);
  const config = load(flags.config);
  const against = flags.against === undefined ? undefined : load(flags.against);
  if (config === undefined || (flags.against !== undefined && against === undefined)) return 1;
  const result = await replay({
    config,
    configFile: flags.config,
    against:
      against === undefined || flags.against === undefined ? undefined : { config: against, file: flags.against },
    logs: flags.log,
    host,
    seed,
    fleet: hosts === undefined ? undefined : { hosts, spread },
    progress: (total) => new Progress({ output: process.stderr, clock: systemClock, total, title: 'replay' }),
  });
  await print(flags.json === true ? `${JSON.stringify(result, undefined, 2)}\n` : replayText(result));
  return 0;
}

/** undefined: its faults have been printed. */
function load(file: string): Config | undefined {
  const loaded = loadConfigFile(file, process.env);
  if ('config' in loaded) return loaded.config;
  process.stderr.write(`${loaded.faults.map(formatFault).join('\n')}\n`);
  return undefined;
}

function whole(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= least && value <= most) return value;
  return usage(`${flag} ${JSON.stringify(text)} is not a whole number from ${least} to ${most}`);
}

function spreadOf(text: string): Spread {
  if (text === 'requests' || text === 'clients') return text;
  return usage(`--spread ${JSON.stringify(text)} is neither requests nor clients`);
}

function usage(message: string): never {
  throw new SluiceError('SLUICE_USAGE', message);
}
