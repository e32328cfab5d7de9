/** `sluice top`: which keys ask most of a running gateway's limits, and which are refused most. */
import { MessageChannel } from 'node:worker_threads';
import { systemClock } from '../core/clock.ts';
import { DURATION_HINT, parseDuration } from '../core/duration.ts';
import { reasonOf, SluiceError } from '../core/errors.ts';
import { adminFlag, adminUrl, askAdmin, detailOf } from './admin-client.ts';
import { print } from './output.ts';
import { Screen } from './terminal.ts';
import type { ShownLimit, Top } from './top-lines.ts';
import { printable, topLines } from './top-lines.ts';

export interface TopFlags {
  readonly admin?: string;
  readonly limit?: string;
  readonly fleet?: boolean;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly interval: string;
}

interface Answer {
  readonly limit: ShownLimit;
  readonly top: Top;
}

/** Keys of each limit where there is no screen to fit them on. */
const KEYS = 10;
const MOST_KEYS = 100;
const SHORTEST_MS = 200;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** q, Q, Ctrl-C, Ctrl-D. */
const QUITS: ReadonlySet<number> = new Set([0x71, 0x51, 3, 4]);

/**
 * Shows it anew every interval until a signal or `q`; in plain lines where standard output is no terminal. Returns the exit
 * code: 0, or 1 with one line on standard error when the gateway cannot be asked at first.
 * @throws SluiceError SLUICE_USAGE when a flag is wrong
 */
export async function topCommand(flags: TopFlags): Promise<number> {
  const base = adminUrl(adminFlag(flags.admin));
  const intervalMs = parseDuration(flags.interval);
  if (intervalMs === undefined || intervalMs < SHORTEST_MS) {
    throw new SluiceError('SLUICE_USAGE', `--interval: at least ${SHORTEST_MS}ms (${DURATION_HINT})`);
  }
  const token = process.env['SLUICE_ADMIN_TOKEN'] || undefined;
  const ask = (): Promise<readonly Answer[]> => askAll(base, token, flags);
  let first: readonly Answer[];
  try {
    first = await ask();
  } catch (error) {
    process.stderr.write(`sluice: ${printable(reasonOf(error))}\n`);
    return 1;
  }
  const live = process.stdout.isTTY && flags.once !== true && flags.json !== true;
  if (live) return onScreen(base, first, ask, intervalMs);
  await print(plain(first, flags));
  if (flags.once === true) return 0;
  await forever(intervalMs, readerLeft(), async () => {
    try {
      await print(plain(await ask(), flags));
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      // It may be restarting: whoever follows it wants to go on then.
      process.stderr.write(`sluice: ${printable(reasonOf(error))}\n`);
    }
  });
  return 0;
}

async function askAll(base: string, token: string | undefined, flags: TopFlags): Promise<readonly Answer[]> {
  const get = async (path: string): Promise<unknown> => {
    const { status, body } = await askAdmin(base + path, token);
    if (status === 401) throw new Error(`${base} wants its token: set SLUICE_ADMIN_TOKEN`);
    if (status !== 200) throw new Error(`${base} answered ${status}${detailOf(body)}`);
    try {
      return JSON.parse(body) as unknown;
    } catch {
      throw new Error(`${base} is no admin listener of Sluice: its answer is no JSON`);
    }
  };
  const { limits } = (await get('/v1/limits')) as { readonly limits?: readonly ShownLimit[] };
  if (limits === undefined) throw new Error(`${base} is no admin listener of Sluice`);
  const wanted = limits.filter(({ name }) => flags.limit === undefined || name === flags.limit);
  const fleet = flags.fleet === true ? '&fleet=true' : '';
  const topOf = (name: string): Promise<unknown> =>
    get(`/v1/top?limit=${encodeURIComponent(name)}&count=${MOST_KEYS}${fleet}`);
  // The gateway says best what is wrong with a name that it does not know.
  if (flags.limit !== undefined && wanted.length === 0) await topOf(flags.limit);
  return Promise.all(wanted.map(async (limit) => ({ limit, top: (await topOf(limit.name)) as Top })));
}

function plain(answers: readonly Answer[], { json }: TopFlags): string {
  if (json === true) return answers.map(({ top }) => `${JSON.stringify(top)}\n`).join('');
  if (answers.length === 0) return 'there are no limits\n';
  return `${answers.map(({ limit, top }) => topLines(limit, top, KEYS, undefined).join('\n')).join('\n\n')}\n`;
}

async function onScreen(
  base: string,
  first: readonly Answer[],
  ask: () => Promise<readonly Answer[]>,
  intervalMs: number,
): Promise<number> {
  const screen = new Screen(process.stdout);
  let answers = first;
  let trouble = '';
  const draw = (): void => screen.draw(frame(base, answers, trouble, screen));
  const keys = onKeys();
  process.stdout.on('resize', draw);
  screen.enter();
  try {
    draw();
    await forever(intervalMs, keys.quit, async () => {
      try {
        answers = await ask();
        trouble = '';
      } catch (error) {
        trouble = printable(reasonOf(error));
      }
      draw();
    });
  } finally {
    keys.stop();
    screen.leave();
  }
  return 0;
}

function frame(base: string, answers: readonly Answer[], trouble: string, { columns, rows }: Screen): string[] {
  const time = new Date(systemClock.now()).toISOString().slice(11, 19);
  const head = `sluice top  ${base}  ${time} UTC  q quits`;
  const second = trouble === '' ? '' : `! ${trouble}`;
  if (answers.length === 0) return [head, second, 'there are no limits'];
  // A limit takes a head line, a line of names and an empty one.
  const each = Math.max(1, Math.floor((rows - 2) / answers.length) - 3);
  const body = answers.flatMap(({ limit, top }) => [...topLines(limit, top, each, columns), '']);
  return [head.slice(0, columns), second.slice(0, columns), ...body];
}

/** Every `ms` until SIGINT, SIGTERM, SIGHUP or `ended`; never two at once. Rejects when `once` does. */
async function forever(ms: number, ended: Promise<void>, once: () => Promise<void>): Promise<void> {
  const { promise: told, resolve: tell, reject } = Promise.withResolvers<void>();
  for (const signal of SIGNALS) process.on(signal, tell);
  // An open channel keeps the process alive, which the clock's timers and signals do not.
  const alive = new MessageChannel();
  alive.port1.on('message', tell);
  let running = false;
  const timer = systemClock.every(ms, () => {
    if (running) return;
    running = true;
    once()
      .catch(reject)
      .finally(() => {
        running = false;
      });
  });
  try {
    await Promise.race([told, ended]);
  } finally {
    timer.cancel();
    alive.port1.close();
    for (const signal of SIGNALS) process.off(signal, tell);
  }
}

/** When nobody reads standard output any more. */
function readerLeft(): Promise<void> {
  return new Promise((resolve) => process.stdout.once('error', () => resolve()));
}

/** `q`, and Ctrl-C where the terminal does not make a signal of it any more. */
function onKeys(): { readonly quit: Promise<void>; stop(): void } {
  const { promise: quit, resolve } = Promise.withResolvers<void>();
  const input = process.stdin;
  if (!input.isTTY) return { quit, stop() {} };
  const onData = (bytes: Buffer): void => {
    if (bytes.some((byte) => QUITS.has(byte))) resolve();
  };
  input.setRawMode(true);
  input.on('data', onData);
  return {
    quit,
    stop() {
      input.off('data', onData);
      input.setRawMode(false);
      input.pause();
    },
  };
}
