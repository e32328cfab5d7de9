#!/usr/bin/env node
/** The command line: parses flags, prints, and is the only place that ends the process. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import type { HealthcheckFlags } from './commands/healthcheck.ts';
import type { ExplainFlags } from './commands/inspect.ts';
import { addLab } from './commands/lab.ts';
import type { RunFlags } from './commands/run.ts';
import type { TopFlags } from './commands/top.ts';
import { reasonOf, SluiceError } from './core/errors.ts';
import { didYouMean } from './core/suggest.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** Loaded when asked for: the gateway's parts take longer to load than most answers take to print. */
const running = () => import('./commands/run.ts');
const inspecting = () => import('./commands/inspect.ts');
const healthchecking = () => import('./commands/healthcheck.ts');
const watching = () => import('./commands/top.ts');

function commandLine(): Command {
  const program = new Command('sluice')
    .description('A drop-in HTTP throttling gateway whose instances all enforce the same limits.')
    .version(`sluice ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureOutput({ writeErr: (text) => process.stderr.write(oneLine(text)) })
    .exitOverride();

  program
    .command('run', { isDefault: true })
    .description('run the gateway (without flags: a demo upstream and 10 requests per 10 seconds per client)')
    .option('-c, --config <file>', 'configuration file')
    .option('-u, --upstream <url>', 'the service to put behind the gateway, e.g. http://localhost:3000')
    .option('-l, --limit <rate>', 'count/window, e.g. 100/1m')
    .option('-k, --key <part>', 'what to count by: ip, header:<name>, cookie:<name>, … (default: ip)')
    .option('-r, --redis <url>', 'count in Redis, shared by all instances (also: SLUICE_REDIS_URL)')
    .option('--listen <address>', 'where to accept requests (default: 127.0.0.1:8080)')
    .option('--admin <address>', 'where metrics and the admin API listen (default: 127.0.0.1:9090)')
    .action(async (flags: RunFlags) => exit(await (await running()).runGateway(flags, version)));

  program
    .command('check <file>')
    .description('is this configuration right? prints every fault with its position')
    .action(async (file: string) => exit(await (await inspecting()).checkCommand(file)));

  program
    .command('explain <url>')
    .description('route, limits and keys of one request; counts nothing')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('-X, --request <method>', 'method', 'GET')
    .option('-H, --header <line>', "a header, 'name: value'; may be repeated", collect, [])
    .option('--client-ip <address>', 'address the request comes from', '127.0.0.1')
    .option('--json', 'print JSON')
    .action(async (url: string, flags: ExplainFlags) => exit(await (await inspecting()).explainCommand(url, flags)));

  program
    .command('schema')
    .description("the configuration's JSON Schema, for editors")
    .action(async () => exit(await (await inspecting()).schemaCommand()));

  program
    .command('healthcheck')
    .description('does the gateway on this machine take requests? one line; exit 1 if not')
    .addOption(
      new Option('--admin <address>', 'where its admin listener is (default: 127.0.0.1:9090)').conflicts('config'),
    )
    .option('-c, --config <file>', 'the configuration file that says where')
    .action(async (flags: HealthcheckFlags) => exit(await (await healthchecking()).healthcheckCommand(flags)));

  program
    .command('top')
    .description(
      'which keys ask most of a running gateway and are refused most; the token is taken from SLUICE_ADMIN_TOKEN',
    )
    .option('--admin <address>', 'where its admin listener is (default: 127.0.0.1:9090)')
    .option('--limit <name>', 'one limit (default: all)')
    .option('--fleet', 'added up over all instances that share its Redis or are its peers')
    .option('--once', 'print once and end')
    .option('--json', 'print JSON, one line for each limit')
    .option('--interval <duration>', 'how often to ask', '2s')
    .action(async (flags: TopFlags) => exit(await (await watching()).topCommand(flags)));

  addLab(program, exit);

  return program;
}

/**
 * commander would hand a mistyped command to `run`, and complain about the number of arguments.
 * @throws SluiceError SLUICE_USAGE when the first word is neither a flag nor a command
 */
function checkCommandName(program: Command, word: string | undefined): void {
  const names = program.commands.map((command) => command.name());
  if (word === undefined || word.startsWith('-') || names.includes(word)) return;
  throw new SluiceError('SLUICE_USAGE', `unknown command ${JSON.stringify(word)} (${didYouMean(word, names)})`);
}

/** commander puts its suggestion on a second line; an error of ours is one line. */
function oneLine(text: string): string {
  return `${text
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/^error: /, 'sluice: ')} (try sluice --help)\n`;
}

function exit(code: number): never {
  process.exit(code);
}

// A reader who leaves or a disk that is full ends no gateway; a command whose output is its purpose says so itself.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

process.on('uncaughtException', (error) => {
  process.stderr.write(`sluice: internal error: ${reasonOf(error)}\n`);
  if (process.env['SLUICE_DEBUG'] !== undefined) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exit(70);
});

try {
  const program = commandLine();
  checkCommandName(program, process.argv[2]);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) exit(error.exitCode === 0 ? 0 : 2);
  process.stderr.write(`sluice: ${reasonOf(error)}\n`);
  exit(error instanceof SluiceError ? error.exitCode : 70);
}
