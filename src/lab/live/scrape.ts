/** What gateways say in /metrics, and how it changed. */
import { Buckets } from './buckets.ts';

/** Samples by name and labels as they are written. */
export type Samples = ReadonlyMap<string, number>;

export async function scrape(adminUrl: string): Promise<Samples> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const cut = line.lastIndexOf(' ');
    if (cut > 0 && !line.startsWith('#')) samples.set(line.slice(0, cut), Number(line.slice(cut + 1)));
  }
  return samples;
}

/** Sums over samples of a name that carry all of `labels` (`direction="sent"`). */
export function sumOf(samples: Samples, name: string, labels: readonly string[] = []): number {
  let sum = 0;
  for (const [key, value] of samples) {
    if (nameOf(key) === name && labels.every((label) => key.includes(label))) sum += value;
  }
  return sum;
}

/** `after` − `before`. A process that started anew counts from 0. */
export function since(before: Samples | undefined, after: Samples): Samples {
  const anew = (before?.get('process_start_time_seconds') ?? 0) !== (after.get('process_start_time_seconds') ?? 0);
  if (before === undefined || anew) return after;
  return new Map([...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)]));
}

/** A histogram of several gateways together. */
export function histogramOf(all: readonly Samples[], name: string, labels: readonly string[] = []): Buckets {
  const upTo = new Map<number, number>();
  for (const samples of all) {
    for (const [key, value] of samples) {
      const edge = /[{,]le="([^"]+)"/.exec(key)?.[1];
      if (edge === undefined || nameOf(key) !== `${name}_bucket` || !labels.every((label) => key.includes(label)))
        continue;
      const at = edge === '+Inf' ? Number.POSITIVE_INFINITY : Number(edge);
      upTo.set(at, (upTo.get(at) ?? 0) + value);
    }
  }
  return new Buckets(upTo);
}

function nameOf(key: string): string {
  const cut = key.indexOf('{');
  return cut === -1 ? key : key.slice(0, cut);
}
