/** Every command of ours that the documentation shows exists, with the flags shown. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { runSluice } from '../support/gateway-process.ts';
import { allPages, ROOT } from './markdown.ts';

const COMMANDS = [
  'run',
  'check',
  'explain',
  'schema',
  'healthcheck',
  'top',
  'lab simulate',
  'lab live',
  'lab claims',
  'lab published',
  'lab replay',
];
const STARTS = ['npm run -s sluice --', 'npm start --', 'npm start', 'sluice'];

interface Shown {
  readonly where: string;
  readonly words: readonly string[];
}

/** Commands in a shell block, continuation lines joined, what a `$` prompts for in a console. */
function commandsIn(info: string, text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, ' ').split('\n');
  const lines = info === 'console' ? joined.flatMap((line) => /^\$ (.*)$/.exec(line)?.[1] ?? []) : joined;
  return lines.flatMap((line) => line.split(/ && | \| |; /)).map((line) => line.replace(/\s+#.*$/, '').trim());
}

/** The arguments for Sluice in a command, undefined when it is not one of ours. */
function argumentsOf(command: string): string[] | undefined {
  const bare = command.replace(/^(?:[A-Z_]+=\S+ )+/, '');
  const start = STARTS.find((each) => bare === each || bare.startsWith(`${each} `));
  if (start === undefined) return undefined;
  return [...bare.slice(start.length).matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? '');
}

describe('commands in the documentation', () => {
  const shown: Shown[] = allPages().flatMap(({ path, blocks }) =>
    blocks
      .filter(({ info }) => info === 'sh' || info === 'console')
      .flatMap(({ info, text, line }) =>
        commandsIn(info, text).flatMap((command) => {
          const words = argumentsOf(command);
          return words === undefined ? [] : [{ where: `${path}:${line}: ${command}`, words }];
        }),
      ),
  );
  const help = new Map<string, string>();

  before(async () => {
    for (const command of COMMANDS) help.set(command, (await runSluice([...command.split(' '), '--help'])).stdout);
    help.set('', (await runSluice(['--help'])).stdout);
  });

  it('are found', () => {
    assert.ok(shown.length > 5);
    for (const [command, text] of help) assert.match(text, /^Usage: sluice/, command);
  });

  it('exist, with their flags', () => {
    const faults = shown.flatMap(({ where, words }) => {
      const command = COMMANDS.find((each) => `${words.join(' ')} `.startsWith(`${each} `)) ?? 'run';
      const text = `${help.get(command)}\n${words.length === 1 ? help.get('') : ''}`;
      const flags = words.filter((word) => /^--?[A-Za-z]/.test(word));
      return flags
        .filter((flag) => !new RegExp(`(^|[\\s,])${flag}[\\s,]`, 'm').test(text))
        .map((f) => `${where}: ${f}`);
    });
    assert.deepEqual(faults, []);
  });

  it('name example files that exist', () => {
    const files = shown.flatMap(({ where, words }) =>
      words.filter((word) => word.startsWith('config/') && !existsSync(join(ROOT, word))).map((w) => `${where}: ${w}`),
    );
    assert.deepEqual(files, []);
  });

  it('are scripts of package.json where npm runs them', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const faults = allPages().flatMap(({ path, text }) =>
      [...text.matchAll(/npm run (?:-s )?([a-z]+)/g)]
        .filter(([, script = '']) => !Object.hasOwn(scripts, script))
        .map(([command]) => `${path}: ${command}`),
    );
    assert.deepEqual(faults, []);
  });
});
