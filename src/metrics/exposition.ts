/** Turns what was counted into the text that Prometheus reads, in the format that it asked for. */

import type { Metric } from '@prometheus-io/client';
import { Gauge, Registry } from '@prometheus-io/client';
import type { Family, Sample } from './cells.ts';

export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/** A value read at each scrape. */
export interface GaugeReading {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Undefined: nothing to show now. */
  read(): number | undefined | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** `application/openmetrics-text` for those who prefer it, the text format for everybody else (RFC 9110, section 12.5.1). */
function wantsOpenMetrics(accept: string | undefined): boolean {
  let open = 0;
  let other = 0;
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    const q = weight === undefined ? 1 : Number(weight.slice(2)) || 0;
    if (type === 'application/openmetrics-text') open = Math.max(open, q);
    else if (type === 'text/plain' || type === 'text/*' || type === '*/*') other = Math.max(other, q);
  }
  return open > 0 && open >= other;
}

/**
 * One registry for each format: the client library takes `_total` off a counter's name in place when it renders
 * OpenMetrics, so one registry serving both would rename its counters for every later reader.
 */
export class Exposition {
  readonly #text = new Registry(Registry.PROMETHEUS_CONTENT_TYPE);
  readonly #open = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);

  addFamilies(families: Iterable<Family>): void {
    for (const family of families) {
      this.#text.registerMetric(asMetric(family, family.name));
      this.#open.registerMetric(asMetric(family, family.name.replace(/_total$/, '')));
    }
  }

  addGauge(gauge: GaugeReading): void {
    new Gauge({
      name: gauge.name,
      help: gauge.help,
      labelNames: [...(gauge.labels ?? [])],
      registers: [this.#text, this.#open],
      collect(this: Gauge<string>) {
        const value = gauge.read();
        this.reset();
        if (typeof value === 'number') this.set(value);
        else if (value === undefined) this.remove({});
        else for (const sample of value) this.set(sample.labels, sample.value);
      },
    });
  }

  async render(accept: string | undefined): Promise<Rendered> {
    const registry = wantsOpenMetrics(accept) ? this.#open : this.#text;
    return { contentType: registry.contentType, body: await registry.metrics() };
  }
}

function asMetric(family: Family, name: string): Metric {
  const metric = {
    name,
    help: family.help,
    type: family.type,
    aggregator: 'sum',
    get: async (): Promise<{ name: string; help: string; type: string; values: Sample[] }> => ({
      name,
      help: family.help,
      type: family.type,
      values: family.samples(),
    }),
  };
  return metric as unknown as Metric;
}
