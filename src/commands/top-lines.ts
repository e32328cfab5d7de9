/** What `sluice top` shows, as lines of text. */

/** As `GET /v1/top` answers. */
export interface Top {
  readonly limit: string;
  readonly seconds: number;
  readonly asked: readonly TopKey[];
  readonly refused: readonly TopKey[];
  readonly fleet?: { readonly instances: readonly object[]; readonly missing: readonly string[] };
}

interface TopKey {
  readonly key: string;
  readonly count: number;
}

/** A limit as `GET /v1/limits` shows it. */
export interface ShownLimit {
  readonly name: string;
  readonly key: readonly string[];
  readonly rates: readonly string[];
  readonly max?: number;
  readonly mode: string;
}

/** One column of numbers is as wide as 9,999,999. */
const COLUMN = 10;
const BAR = 16;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/**
 * A head line, a line of column names and one line for each key, at most `rows` of those.
 * @param columns width of the terminal; undefined: lines are not cut, and there are no bars
 */
export function topLines(limit: ShownLimit, top: Top, rows: number, columns: number | undefined): string[] {
  const rule = limit.max === undefined ? limit.rates.join(' and ') : `${limit.max} in flight`;
  const shadow = limit.mode === 'shadow' ? ', shadow mode' : '';
  const head = `${limit.name}: ${rule} by ${limit.key.join(' + ')}${shadow}; last ${Math.round(top.seconds)} s${fleetText(top)}`;
  const refused = new Map(top.refused.map(({ key, count }) => [key, count]));
  const asked = new Set(top.asked.map(({ key }) => key));
  const rest = top.refused.filter(({ key }) => !asked.has(key)).map(({ key, count }) => ({ key, refused: count }));
  const keys: { readonly key: string; readonly asked?: number; readonly refused: number }[] = [
    ...top.asked.map(({ key, count }) => ({ key, asked: count, refused: refused.get(key) ?? 0 })),
    ...rest,
  ];
  const most = Math.max(1, top.asked[0]?.count ?? 0);
  const lines = keys.slice(0, rows).map((each) => {
    const numbers = `${number(each.asked)}${number(each.refused)}`;
    return `${numbers}  ${columns === undefined ? '' : `${bar((each.asked ?? 0) / most)} `}${printable(each.key)}`;
  });
  const title = `${'asked'.padStart(COLUMN)}${'refused'.padStart(COLUMN)}  ${columns === undefined ? '' : ' '.repeat(BAR + 1)}key`;
  const body = lines.length === 0 ? ['  nobody has asked lately'] : [title, ...lines];
  return [printable(head), ...body].map((line) =>
    columns === undefined ? line : [...line].slice(0, columns).join(''),
  );
}

function fleetText({ fleet }: Top): string {
  if (fleet === undefined) return '';
  const { instances, missing } = fleet;
  const all = instances.length + missing.length;
  return `; ${instances.length} of ${all} ${all === 1 ? 'instance' : 'instances'}${missing.length === 0 ? '' : ` (no answer: ${missing.join(', ')})`}`;
}

function number(value: number | undefined): string {
  return (value === undefined ? 'few' : value.toLocaleString('en-GB')).padStart(COLUMN);
}

function bar(part: number): string {
  const eighths = Math.round(Math.min(1, part) * BAR * 8);
  return `${'█'.repeat(eighths >> 3)}${EIGHTHS[eighths & 7] ?? ''}`.padEnd(BAR);
}

/** Names and keys come from others: what would move the cursor, change colours or the direction of writing is shown as `�`. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\ufffd');
}
