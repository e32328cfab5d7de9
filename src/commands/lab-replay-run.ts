/** From logs and configurations to what would have happened. */
import type { Config } from '../config/types.ts';
import { SluiceError } from '../core/errors.ts';
import { seededRandom } from '../core/random.ts';
import { VirtualClock } from '../core/virtual-clock.ts';
import type { Progress } from '../lab/progress.ts';
import type { DifferenceReport } from '../lab/replay/difference.ts';
import { Difference } from '../lab/replay/difference.ts';
import type { GapReport } from '../lab/replay/gaps.ts';
import type { Disorder, Timed } from '../lab/replay/in-order.ts';
import { InOrder } from '../lab/replay/in-order.ts';
import type { LineReport } from '../lab/replay/line-counts.ts';
import { LineCounts } from '../lab/replay/line-counts.ts';
import { LineSplitter, MAX_LINE } from '../lab/replay/lines.ts';
import { readLogLine } from '../lab/replay/log-line.ts';
import type { TallyReport } from '../lab/replay/tally.ts';
import { ReplayTally } from '../lab/replay/tally.ts';
import { showCount } from '../lab/report/numbers.ts';
import type { FleetReport, Spread } from './lab-replay-fleet.ts';
import { Fleet } from './lab-replay-fleet.ts';
import type { JudgeOptions } from './lab-replay-judge.ts';
import { Judge } from './lab-replay-judge.ts';
import { piecesOf, sizeOf } from './lab-replay-source.ts';

export interface ReplayOptions {
  readonly config: Config;
  readonly configFile: string;
  readonly against: { readonly config: Config; readonly file: string } | undefined;
  /** Files, `-` for standard input; in the order of their times. */
  readonly logs: readonly string[];
  readonly host: string | undefined;
  readonly seed: number;
  readonly fleet: { readonly hosts: number; readonly spread: Spread } | undefined;
  /** @param total bytes of all logs, where that is known */
  readonly progress: (total: number | undefined) => Progress;
}

export interface ReplayResult {
  readonly version: 1;
  readonly logs: readonly string[];
  readonly lines: LineReport;
  /** Unix milliseconds of the first and the last request. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly order: Disorder;
  /** Requests of which the log tells the second alone: they were spread evenly over it. */
  readonly wholeSeconds: number;
  /** Requests of which it does not tell the host. */
  readonly withoutHost: number;
  /** Requests that were answered 429 when they were logged. */
  readonly refusedThen: number;
  /** All requests come from one address, and name others in X-Forwarded-For. */
  readonly behindOneProxy: boolean;
  readonly result: ConfigResult;
  readonly against: ConfigResult | undefined;
  /** First: refused by `result` alone. */
  readonly difference: DifferenceReport | undefined;
  readonly fleet: FleetReport | undefined;
}

export interface ConfigResult extends TallyReport {
  readonly config: string;
  /** What the log does not hold of what limits look at. */
  readonly gaps: readonly GapReport[];
  /** Routes that match by host. */
  readonly routesByHost: readonly string[];
  /** Counters that had to make room (`memory.maxKeys`), and so counted from 0 again. */
  readonly evicted: number;
}

/** A longer silence is skipped, all but this: counters end by the wall clock, and sweeping years of nothing takes long. */
const LONGEST_STEP_MS = 3_600_000;

/** @throws SluiceError SLUICE_USAGE when a log cannot be read, or holds no request */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const run = new Run(options);
  await run.start();
  const progress = options.progress(sizeOf(options.logs));
  try {
    await run.readAll(progress);
  } finally {
    progress.end();
    await run.close();
  }
  return run.result();
}

class Run {
  readonly #options: ReplayOptions;
  readonly #clock: VirtualClock = new VirtualClock(0);
  readonly #lines = new LineCounts();
  readonly #order = new InOrder();
  readonly #first: Side;
  readonly #second: Side | undefined;
  readonly #difference = new Difference();
  readonly #fleet: Fleet | undefined;
  #fromMs: number | undefined;
  #untilMs = 0;
  #wholeSeconds = 0;
  #withoutHost = 0;
  #refusedThen = 0;
  #onlyClient: string | undefined;
  #manyClients = false;
  #forwarded = false;

  constructor(options: ReplayOptions) {
    this.#options = options;
    const { config, configFile, against, fleet, host, seed } = options;
    const parts = { clock: this.#clock, random: seededRandom(seed), host };
    this.#first = sideOf(config, configFile, parts);
    this.#second = against === undefined ? undefined : sideOf(against.config, against.file, parts);
    this.#fleet = fleet === undefined ? undefined : new Fleet({ ...parts, ...fleet, config });
  }

  async start(): Promise<void> {
    await this.#first.judge.start();
    await this.#second?.judge.start();
    await this.#fleet?.start();
  }

  async close(): Promise<void> {
    await this.#first.judge.close();
    await this.#second?.judge.close();
    await this.#fleet?.close();
  }

  async readAll(progress: Progress): Promise<void> {
    let before = 0;
    for (const file of this.#options.logs) before += await this.#readFile(file, before, progress);
    for (const timed of this.#order.end()) await this.#judge(timed);
    if (this.#fromMs === undefined) throw new SluiceError('SLUICE_USAGE', this.#whyNothing());
  }

  /** Bytes that the file has. */
  async #readFile(file: string, before: number, progress: Progress): Promise<number> {
    const splitter = new LineSplitter();
    const pieces = piecesOf(file);
    let [number, read] = [0, 0];
    const take = async (lines: readonly string[]): Promise<void> => {
      for (const line of lines) await this.#line(line, file, ++number);
    };
    for (;;) {
      const piece = await pieces.next();
      if (piece.done === true) {
        await take(splitter.end());
        if (piece.value !== undefined) this.#lines.brokenFile(file, piece.value);
        return read;
      }
      read = piece.value.read;
      await take(splitter.push(piece.value.bytes));
      progress.at(before + read, `${showCount(this.#lines.read)} lines`);
    }
  }

  async #line(text: string, file: string, line: number): Promise<void> {
    if (text.length > MAX_LINE) {
      this.#lines.bad(file, line, `longer than ${MAX_LINE / 1024} KiB`, text);
      return;
    }
    const read = readLogLine(text);
    if (read === 'other') {
      this.#lines.other();
      return;
    }
    if ('fault' in read) {
      this.#lines.bad(file, line, read.fault, text);
      return;
    }
    this.#lines.request();
    for (const timed of this.#order.push({ entry: read.entry, file, line })) await this.#judge(timed);
  }

  async #judge(timed: Timed): Promise<void> {
    const { entry, at } = timed;
    this.#moveTo(at);
    this.#note(timed);
    const judged = await this.#first.judge.judge(entry);
    this.#first.tally.add(at, judged);
    if (this.#second !== undefined) {
      const other = await this.#second.judge.judge(entry);
      this.#second.tally.add(at, other);
      this.#difference.add(timed, judged, other);
    }
    await this.#fleet?.judge(entry, judged);
  }

  #moveTo(at: number): void {
    if (this.#fromMs === undefined) {
      this.#clock.stepWall(at);
      return;
    }
    const step = at - this.#untilMs;
    const passing = Math.min(step, LONGEST_STEP_MS);
    if (passing > 0) this.#clock.advance(passing);
    if (step > passing) this.#clock.stepWall(step - passing);
  }

  #note({ entry, at }: Timed): void {
    this.#fromMs ??= at;
    this.#untilMs = at;
    if (entry.wholeSecond) this.#wholeSeconds += 1;
    if (entry.host === undefined) this.#withoutHost += 1;
    if (entry.status === 429) this.#refusedThen += 1;
    this.#onlyClient ??= entry.client;
    if (this.#onlyClient !== entry.client) this.#manyClients = true;
    if (entry.headers['x-forwarded-for'] !== undefined) this.#forwarded = true;
  }

  #whyNothing(): string {
    const { read, firstBad } = this.#lines.report();
    const names = this.#options.logs.map((file) => (file === '-' ? 'standard input' : file)).join(', ');
    const [bad] = firstBad;
    if (bad === undefined) return `${names}: no request in ${read === 1 ? '1 line' : `${read} lines`}`;
    return `${names}: no line could be read as a request (line ${bad.line}: ${bad.why})`;
  }

  result(): ReplayResult {
    const { logs, host } = this.#options;
    return {
      version: 1,
      logs,
      lines: this.#lines.report(),
      fromMs: this.#fromMs ?? 0,
      untilMs: this.#untilMs,
      order: this.#order.disorder,
      wholeSeconds: this.#wholeSeconds,
      withoutHost: host === undefined ? this.#withoutHost : 0,
      refusedThen: this.#refusedThen,
      behindOneProxy: !this.#manyClients && this.#forwarded && this.#first.config.trustedProxies.length === 0,
      result: resultOf(this.#first),
      against: this.#second === undefined ? undefined : resultOf(this.#second),
      difference: this.#second === undefined ? undefined : this.#difference.report(),
      fleet: this.#fleet?.report(),
    };
  }
}

interface Side {
  readonly file: string;
  readonly config: Config;
  readonly judge: Judge;
  readonly tally: ReplayTally;
}

function sideOf(config: Config, file: string, parts: Omit<JudgeOptions, 'config'>): Side {
  const limits = [...config.limits.values()].map(({ name, mode }) => ({ name, shadow: mode === 'shadow' }));
  const routes = config.routes.map((route) => route.name);
  return { file, config, judge: new Judge({ ...parts, config }), tally: new ReplayTally(routes, limits) };
}

function resultOf({ file, config, judge, tally }: Side): ConfigResult {
  const routesByHost = config.routes.filter(({ match }) => match.host !== undefined).map(({ name }) => name);
  return { config: file, ...tally.report(), gaps: judge.gaps(), routesByHost, evicted: judge.evicted };
}
