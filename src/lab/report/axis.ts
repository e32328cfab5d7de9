/** Where values lie on an axis, and which of them are written beside it. */

export interface Tick {
  readonly value: number;
  /** Part of the axis, 0 at its start and 1 at its end. */
  readonly at: number;
}

export interface Axis {
  /** Part of the axis at which a value lies; values beyond its ends lie at the ends. */
  at(value: number): number;
  /** Ascending, and far enough apart to be labelled. */
  readonly ticks: readonly Tick[];
  /** Where the place for 0 ends on an axis that has no other room for it; undefined: none is needed. */
  readonly zeroUntil: number | undefined;
}

/** Parts of a log axis, when there is a 0: what is given to it, and where the logarithmic part starts, so that labels stand apart. */
const ZERO_ROOM = 0.08;
const LOG_FROM = 0.15;
const MANTISSAS = [1, 2, 5] as const;

/**
 * From 0 to a round number that is not below the largest value, with ticks 1, 2 or 5 times a power of ten apart.
 * @param most ticks, about; 2 or more
 */
export function linearAxis(values: readonly number[], most: number): Axis {
  const top = Math.max(0, ...finite(values));
  const step = stepFor(top === 0 ? 1 : top, most);
  const steps = top === 0 ? 1 : Math.max(1, Math.ceil(top / step - 1e-9));
  const end = steps * step;
  const at = (value: number): number => clamp(value / end);
  const ticks = Array.from({ length: steps + 1 }, (_, i) => {
    const value = Number((i * step).toPrecision(12));
    return { value, at: at(value) };
  });
  return { at, ticks, zeroUntil: undefined };
}

/** The least of 1, 2, 5, 10, … that cuts `span` into at most `most` steps. */
function stepFor(span: number, most: number): number {
  let power = 10 ** Math.floor(Math.log10(span / most));
  for (;;) {
    for (const mantissa of MANTISSAS) {
      if (span / (mantissa * power) <= most + 1e-9) return mantissa * power;
    }
    power *= 10;
  }
}

/**
 * A logarithmic axis between round numbers around the positive values. Values of 0 and below lie in a place of their own at its start.
 * @param most ticks beside 0; 2 or more
 */
export function logAxis(values: readonly number[], most: number): Axis {
  const shown = finite(values);
  const positive = shown.filter((value) => value > 0);
  const hasZero = positive.length < shown.length;
  const start = hasZero ? LOG_FROM : 0;
  const [low, high] = ends(positive);
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const at = (value: number): number =>
    value > 0 ? start + (1 - start) * clamp((Math.log10(value) - from) / (to - from)) : hasZero ? ZERO_ROOM / 2 : 0;
  const ticks = (positive.length === 0 ? [] : logTicks(low, high, most)).map((value) => ({ value, at: at(value) }));
  return {
    at,
    ticks: hasZero ? [{ value: 0, at: at(0) }, ...ticks] : ticks,
    zeroUntil: hasZero ? ZERO_ROOM : undefined,
  };
}

/** Round numbers around the values: 1, 2 or 5 times a power of ten, and never the same. */
function ends(positive: readonly number[]): [low: number, high: number] {
  if (positive.length === 0) return [1, 10];
  const low = roundDown(Math.min(...positive));
  const high = roundUp(Math.max(...positive));
  return low < high ? [low, high] : [roundDown(low * 0.99), roundUp(high * 1.01)];
}

function roundDown(value: number): number {
  const power = exactPower(value);
  const mantissa = [5, 2, 1].find((each) => each * power <= value * (1 + 1e-9)) ?? 1;
  return tidy(mantissa * power);
}

function roundUp(value: number): number {
  const power = exactPower(value);
  const mantissa = [1, 2, 5, 10].find((each) => each * power >= value * (1 - 1e-9)) ?? 10;
  return tidy(mantissa * power);
}

/** The largest power of ten that is not above `value`; a logarithm alone may be off by one at the powers themselves. */
function exactPower(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  if (power * 10 <= value) return power * 10;
  return power > value ? power / 10 : power;
}

/** Powers of ten, every so many of them; 2 and 5 between them where there is room. */
function logTicks(low: number, high: number, most: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const within = (mantissas: readonly number[], every: number): number[] => {
    const found: number[] = [];
    for (let power = first; power <= last; power++) {
      if (power % every !== 0) continue;
      for (const mantissa of mantissas) {
        const value = tidy(mantissa * 10 ** power);
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) found.push(value);
      }
    }
    return found;
  };
  for (const mantissas of [MANTISSAS, [1, 3]] as const) {
    const ticks = within(mantissas, 1);
    // Of 2 and 5 the closest are 0.3 of a power apart.
    if (ticks.length <= most) return ticks;
  }
  for (let every = 1; ; every++) {
    const ticks = within([1], every);
    if (ticks.length <= most) return ticks;
  }
}

/**
 * A logarithmic axis with a tick at each value, for a handful of them such as numbers of hosts; with round ticks when they lie closer
 * than `apart` (a part of the axis).
 */
export function valuesAxis(values: readonly number[], most: number, apart: number): Axis {
  const distinct = [...new Set(finite(values).filter((value) => value > 0))].sort((a, b) => a - b);
  const [least, greatest] = [distinct[0], distinct.at(-1)];
  if (least === undefined || greatest === undefined || distinct.length > most) return logAxis(values, most);
  // Half a step of air at both ends, so that marks do not lie on the frame.
  const air = least === greatest ? 2 : (greatest / least) ** 0.07;
  const [from, to] = [Math.log(least / air), Math.log(greatest * air)];
  const at = (value: number): number => (value <= 0 ? 0 : clamp((Math.log(value) - from) / (to - from)));
  const ticks = distinct.map((value) => ({ value, at: at(value) }));
  const crowded = ticks.some((tick, i) => i > 0 && tick.at - (ticks[i - 1]?.at ?? 0) < apart);
  return crowded ? logAxis(values, most) : { at, ticks, zeroUntil: undefined };
}

function finite(values: readonly number[]): number[] {
  return values.filter((value) => Number.isFinite(value));
}

function clamp(part: number): number {
  return Math.min(1, Math.max(0, part));
}

/** 0.30000000000000004 is 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
