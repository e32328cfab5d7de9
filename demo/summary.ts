/** What happens now, in one line: on a terminal always the same line, elsewhere a new one every few seconds. */
import type { Prometheus } from '../test/support/prometheus.ts';
import type { Load } from './load.ts';

const TERMINAL_EVERY_MS = 1_000;
const PLAIN_EVERY_MS = 5_000;

/** Writes until `signal` aborts. */
export function writeSummary(load: Load, prometheus: Prometheus, out: NodeJS.WriteStream, signal: AbortSignal): void {
  const everyMs = out.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS;
  let before = totals(load);
  const write = async (): Promise<void> => {
    const now = totals(load);
    const { answered, refused, failed } = perSecond(before, now);
    before = now;
    const byLimit = await refusals(prometheus);
    if (signal.aborted) return;
    const line = `now: ${answered}/s answered, ${refused}/s refused${byLimit}, ${failed}/s failed`;
    out.write(out.isTTY ? `\r\x1b[2K${line.slice(0, (out.columns || 80) - 1)}` : `${line}\n`);
  };
  const timer = setInterval(() => void write(), everyMs);
  signal.addEventListener('abort', () => {
    clearInterval(timer);
    if (out.isTTY) out.write('\n');
  });
}

interface Totals {
  readonly at: number;
  readonly answered: number;
  readonly refused: number;
  readonly failed: number;
}

function totals({ answered, refused, failed }: Load): Totals {
  return { at: performance.now(), answered, refused, failed };
}

function perSecond(from: Totals, to: Totals): Readonly<Record<'answered' | 'refused' | 'failed', string>> {
  const seconds = (to.at - from.at) / 1_000;
  const rate = (before: number, now: number): string => ((now - before) / seconds).toFixed(0);
  return {
    answered: rate(from.answered, to.answered),
    refused: rate(from.refused, to.refused),
    failed: rate(from.failed, to.failed),
  };
}

/** As Prometheus knows them, of the last seconds. */
async function refusals(prometheus: Prometheus): Promise<string> {
  try {
    const found = await prometheus.query('sum by (limit) (rate(sluice_decisions_total{verdict="denied"}[5s])) >= 0.5');
    const parts = found.map(({ metric, value }) => `${metric['limit'] ?? ''} ${value.toFixed(0)}`);
    return parts.length === 0 ? '' : ` (${parts.sort().join(', ')})`;
  } catch {
    return '';
  }
}
