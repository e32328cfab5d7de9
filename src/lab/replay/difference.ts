/** Where two configurations, or two ways of sharing, decide differently about the same requests. */
import type { Summary } from '../../core/space-saving.ts';
import { SpaceSaving } from '../../core/space-saving.ts';
import type { Timed } from './in-order.ts';
import type { Judged } from './judged.ts';

const CLIENTS_FOLLOWED = 256;
const CLIENTS_SHOWN = 10;
const EXAMPLES = 3;

export interface DifferenceReport {
  readonly bothRefuse: number;
  readonly bothAdmit: number;
  readonly onlyFirst: SideReport;
  readonly onlySecond: SideReport;
}

/** Requests that one side refuses and the other does not. */
export interface SideReport {
  readonly refused: number;
  readonly byLimit: readonly { readonly limit: string; readonly refused: number }[];
  readonly byRoute: readonly { readonly route: string; readonly refused: number }[];
  /** Addresses, most first. */
  readonly topClients: Summary['keys'];
  readonly examples: readonly Example[];
}

export interface Example {
  readonly file: string;
  readonly line: number;
  readonly atMs: number;
  readonly method: string;
  readonly target: string;
  readonly client: string;
  readonly limits: readonly string[];
}

export class Difference {
  readonly #first = new Side();
  readonly #second = new Side();
  #bothRefuse = 0;
  #bothAdmit = 0;

  add(timed: Timed, first: Judged, second: Judged): void {
    const [a, b] = [first.refusedBy.length > 0, second.refusedBy.length > 0];
    if (a && b) this.#bothRefuse += 1;
    else if (a) this.#first.add(timed, first);
    else if (b) this.#second.add(timed, second);
    else this.#bothAdmit += 1;
  }

  report(): DifferenceReport {
    return {
      bothRefuse: this.#bothRefuse,
      bothAdmit: this.#bothAdmit,
      onlyFirst: this.#first.report(),
      onlySecond: this.#second.report(),
    };
  }
}

class Side {
  readonly #limits = new Map<string, number>();
  readonly #routes = new Map<string, number>();
  readonly #clients = new SpaceSaving(CLIENTS_FOLLOWED);
  readonly #examples: Example[] = [];
  #refused = 0;

  add({ entry, file, line, at }: Timed, { refusedBy, route = '', client = entry.client }: Judged): void {
    this.#refused += 1;
    for (const limit of refusedBy) this.#limits.set(limit, (this.#limits.get(limit) ?? 0) + 1);
    this.#routes.set(route, (this.#routes.get(route) ?? 0) + 1);
    this.#clients.add(client);
    if (this.#examples.length >= EXAMPLES) return;
    const { method, target } = entry;
    this.#examples.push({ file, line, atMs: at, method, target: target.slice(0, 200), client, limits: refusedBy });
  }

  report(): SideReport {
    return {
      refused: this.#refused,
      byLimit: sorted(this.#limits).map(([limit, refused]) => ({ limit, refused })),
      byRoute: sorted(this.#routes).map(([route, refused]) => ({ route, refused })),
      topClients: this.#clients.summary().keys.slice(0, CLIENTS_SHOWN),
      examples: this.#examples,
    };
  }
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
