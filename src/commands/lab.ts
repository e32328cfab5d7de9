/** The commands under `sluice lab`. */
import type { Command } from 'commander';
import { SluiceError } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import type { ClaimsFlags } from './lab-claims.ts';
import type { LiveFlags } from './lab-live.ts';
import type { PublishedFlags } from './lab-published.ts';
import type { ReplayFlags } from './lab-replay.ts';
import type { SimulateFlags } from './lab-simulate.ts';

/** Loaded when asked for. */
const simulating = () => import('./lab-simulate.ts');
const claiming = () => import('./lab-claims.ts');
const publishing = () => import('./lab-published.ts');
const living = () => import('./lab-live.ts');
const replaying = () => import('./lab-replay.ts');

/** @param exit ends the process */
export function addLab(program: Command, exit: (code: number) => never): void {
  const lab = program
    .command('lab')
    .description('the trade-off lab: what each way of sharing costs and how exact it is');
  lab.usage('<command> [options]').allowExcessArguments();
  // Reached without a command, or with one that there is not.
  lab.action(() => {
    const [word] = lab.args;
    if (word === undefined) return lab.help();
    const names = lab.commands.map((command) => command.name());
    throw new SluiceError(
      'SLUICE_USAGE',
      `unknown command ${JSON.stringify(`lab ${word}`)} (${didYouMean(word, names)})`,
    );
  });

  lab
    .command('simulate')
    .description('many hosts on a virtual network, the same code as in a gateway; the same seed gives the same report')
    .option('--scenario <file>', 'a file, or the name of one that comes with Sluice (default: steady-double)')
    .option('--list', 'list the scenarios that come with Sluice')
    .option('--sharing <names>', 'ways of sharing, a,b,… (default: all, and two that share nothing)')
    .option('--hosts <numbers>', 'numbers of hosts, 2 to 10000 (default: 4,20,100)')
    .option('--interval <durations>', 'how often hosts tell each other, several to compare (default: the scenario’s)')
    .option('--seed <number>', 'of the first run (default: 1)')
    .option('--runs <number>', 'runs of each, with seeds that follow (default: 3, 1 on more than 2,000 hosts)')
    .option('--duration <time>', 'how long requests arrive (default: the scenario’s; less on more than 150 hosts)')
    .option('--json <file>', 'write the report for scripts')
    .option('--html <file>', 'write the report as one page with plots')
    .action(async (flags: SimulateFlags) => exit(await (await simulating()).simulateCommand(flags)));

  lab
    .command('claims')
    .description('what textbooks say of the ways of sharing, and whether it is so; exit code 1 if not')
    .option('--seed <number>', 'of the first run (default: 1)')
    .option('--runs <number>', 'runs, with seeds that follow (default: 5)')
    .option('--json <file>', 'write the report for scripts')
    .option('--html <file>', 'write the report as one page with plots')
    .action(async (flags: ClaimsFlags) => exit(await (await claiming()).claimsCommand(flags)));

  lab
    .command('published')
    .description('numbers that others have published, beside the same measured here')
    .option('--seed <number>', 'of the first run (default: 1)')
    .option('--runs <number>', 'runs, with seeds that follow (default: 3)')
    .option('--json <file>', 'write the report for scripts')
    .action(async (flags: PublishedFlags) => exit(await (await publishing()).publishedCommand(flags)));

  lab
    .command('live')
    .description('real gateways, a real Redis and a real etcd on this machine, held against the simulation of the same')
    .option('--scenario <file>', 'a file, or the name of one that comes with Sluice (default: steady-double)')
    .option('--sharing <names>', 'ways of sharing, a,b,… (default: all, and two that share nothing)')
    .option('--hosts <numbers>', 'numbers of gateways, 2 to 8 (default: 4)')
    .option('--interval <duration>', 'how often hosts tell each other (default: the scenario’s)')
    .option('--duration <duration>', 'for how long requests arrive (default: the scenario’s)')
    .option('--rate <number>', 'most requests a second; limit and load are made smaller together (default: 300)')
    .option('--seed <number>', 'of the first run (default: 1)')
    .option('--runs <number>', 'runs of each, with seeds that follow (default: 3)')
    .option('--json <file>', 'write the report for scripts')
    .option('--html <file>', 'write the report as one page with plots')
    .action(async (flags: LiveFlags) => exit(await (await living()).liveCommand(flags)));

  lab
    .command('replay')
    .description('an access log through a configuration: who would have been refused')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--against <file>', 'another configuration, to be compared with')
    .option(
      '--log <file>',
      'access log (combined or JSON lines, also gzip; - for standard input); may be repeated',
      collect,
      [],
    )
    .option('--hosts <number>', 'what so many gateways would do that share nothing, beside one count for all')
    .option(
      '--spread <how>',
      'with --hosts: requests (each to any host) or clients (each always to the same)',
      'requests',
    )
    .option('--host <name>', 'the host of requests, where the log does not hold it')
    .option('--seed <number>', 'for what is random: which host a request reaches', '1')
    .option('--json', 'print JSON')
    .action(async (flags: ReplayFlags) => exit(await (await replaying()).replayCommand(flags)));
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}
