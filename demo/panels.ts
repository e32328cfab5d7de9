/** Do the dashboards show anything, and are the rules well? Asked of a Prometheus as Grafana would ask it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Board } from '../dashboards/board.ts';
import type { Prometheus } from '../test/support/prometheus.ts';

const LOOK_EVERY_MS = 100;

export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
}

export function queriesOf(board: Board): readonly PanelQuery[] {
  const panels = board.rows.flatMap((row) => row.panels);
  return panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ panel: title, expr: chosen(expr) })));
}

/** Waits until every query of the board has answered with a number; those that have not within the time. */
export async function unanswered(prometheus: Prometheus, board: Board, withinMs: number): Promise<string[]> {
  const deadline = performance.now() + withinMs;
  const left: string[] = [];
  for (const { panel, expr } of queriesOf(board)) {
    let answer = await ask(prometheus, expr);
    while (answer !== undefined && performance.now() < deadline) {
      await sleep(LOOK_EVERY_MS);
      answer = await ask(prometheus, expr);
    }
    if (answer !== undefined) left.push(`${board.title}: ${panel}: ${answer}`);
  }
  return left;
}

/** What is wrong with the answer; undefined when it is one. */
async function ask(prometheus: Prometheus, expr: string): Promise<string | undefined> {
  try {
    const found = await prometheus.query(expr);
    return found.some(({ value }) => Number.isFinite(value)) ? undefined : `no number for ${expr}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** As with everything chosen on top of the dashboard. */
function chosen(expr: string): string {
  return expr.replaceAll('$job', '.*').replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5s');
}

export interface RulesReport {
  readonly count: number;
  readonly faults: readonly string[];
}

/** Waits until every rule has been evaluated once. */
export async function rulesReport(prometheus: Prometheus, withinMs: number): Promise<RulesReport> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const { data } = (await (await fetch(`${prometheus.url}/api/v1/rules`)).json()) as RulesAnswer;
    const rules = data.groups.flatMap((group) => group.rules);
    const bad = rules.filter(({ health }) => health !== 'ok');
    if (bad.length === 0 || performance.now() > deadline) {
      return {
        count: rules.length,
        faults: bad.map(({ name, health, lastError }) => `${name}: ${lastError ?? health}`),
      };
    }
    await sleep(LOOK_EVERY_MS);
  }
}

interface RulesAnswer {
  readonly data: {
    readonly groups: readonly {
      readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
    }[];
  };
}
