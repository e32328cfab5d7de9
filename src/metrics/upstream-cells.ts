import type { RequestEvent } from '../core/telemetry.ts';
import type { CounterCell, HistogramCell } from './cells.ts';
import type { Families } from './families.ts';

/** What a service answered: the class of its status, or that it gave no whole answer. */
type Answer = '2xx' | '3xx' | '4xx' | '5xx' | 'failed';

const ANSWERS: readonly Answer[] = ['2xx', '3xx', '4xx', '5xx', 'failed'];

interface ServiceCells {
  readonly duration: HistogramCell;
  readonly answers: ReadonlyMap<Answer, CounterCell>;
}

/** What is counted of the services behind the gateway. Only names of the configuration become labels. */
export class UpstreamCells {
  readonly #families: Families;
  readonly #undeclared: string;
  readonly #services = new Map<string, ServiceCells>();
  readonly #servers = new Set<string>();

  /** @param undeclared label value for what no configuration names */
  constructor(families: Families, undeclared: string) {
    this.#families = families;
    this.#undeclared = undeclared;
  }

  declare(name: string, servers: readonly string[]): void {
    if (!this.#services.has(name)) {
      const { upstreamDuration, upstreamResponses } = this.#families;
      this.#services.set(name, {
        duration: upstreamDuration.cell(name),
        answers: new Map(ANSWERS.map((answer) => [answer, upstreamResponses.cell(name, answer)])),
      });
    }
    this.#families.upstreamRetries.cell(name);
    for (const server of servers) {
      this.#servers.add(`${name} ${server}`);
      this.#families.upstreamEjections.cell(name, server);
    }
  }

  finished({ upstream, upstreamMs, status, fault }: RequestEvent): void {
    if (upstream === undefined) return;
    const service = this.#services.get(upstream);
    if (service === undefined) return;
    if (upstreamMs !== undefined) service.duration.observe(upstreamMs / 1000);
    const answer = answerOf(status, fault);
    if (answer !== undefined) service.answers.get(answer)?.inc();
  }

  ejected(upstream: string, server: string): void {
    const known = this.#servers.has(`${upstream} ${server}`);
    const [name, origin] = known ? [upstream, server] : [this.#undeclared, this.#undeclared];
    this.#families.upstreamEjections.cell(name, origin).inc();
  }

  retried(upstream: string): void {
    this.#families.upstreamRetries.cell(this.#services.has(upstream) ? upstream : this.#undeclared).inc();
  }
}

/** undefined: the exchange ended for a reason that says nothing about the service, such as a client that left. */
function answerOf(status: number, fault: string | undefined): Answer | undefined {
  if (fault?.startsWith('upstream_') === true) return 'failed';
  if (fault !== undefined) return undefined;
  return ANSWERS[Math.floor(status / 100) - 2];
}
