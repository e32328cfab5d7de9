import type { RequestEvent } from '../core/telemetry.ts';
import type { CounterCell, HistogramCell } from './cells.ts';
import type { Families } from './families.ts';

interface Cells {
  readonly outcomes: Readonly<Record<RequestEvent['outcome'], CounterCell>>;
  /** By the status's hundreds; created when first seen, except the usual ones. */
  readonly durations: (HistogramCell | undefined)[];
}

/** What is counted of each route's requests. Only names of the configuration become labels. */
export class RouteCells {
  readonly #families: Families;
  readonly #undeclared: string;
  readonly #routes = new Map<string, Cells>();

  /** @param undeclared label value for what no configuration names */
  constructor(families: Families, undeclared: string) {
    this.#families = families;
    this.#undeclared = undeclared;
    this.declare(undeclared);
  }

  declare(name: string): Cells {
    let cells = this.#routes.get(name);
    if (cells === undefined) {
      const { requests } = this.#families;
      cells = {
        outcomes: {
          allowed: requests.cell(name, 'allowed'),
          denied: requests.cell(name, 'denied'),
          shadow_denied: requests.cell(name, 'shadow_denied'),
          error: requests.cell(name, 'error'),
        },
        durations: [undefined, undefined, undefined, undefined, undefined, undefined],
      };
      this.#routes.set(name, cells);
      for (const usual of [2, 4, 5]) this.#duration(cells, name, usual);
    }
    return cells;
  }

  finished(event: RequestEvent): void {
    const known = this.#routes.get(event.route);
    const route = known === undefined ? this.#undeclared : event.route;
    const cells = known ?? this.declare(this.#undeclared);
    cells.outcomes[event.outcome].inc();
    const hundreds = event.status >= 100 && event.status < 600 ? Math.floor(event.status / 100) : 0;
    this.#duration(cells, route, hundreds).observe(event.durationMs / 1000);
  }

  #duration(cells: Cells, route: string, hundreds: number): HistogramCell {
    let cell = cells.durations[hundreds];
    if (cell === undefined) {
      cell = this.#families.requestDuration.cell(route, hundreds === 0 ? this.#undeclared : `${hundreds}xx`);
      cells.durations[hundreds] = cell;
    }
    return cell;
  }
}
