/** The flags of the demonstration. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Look once whether every query answers, and end. */
  readonly check: boolean;
  /** Requests a second on both gateways together. */
  readonly perSecond: number;
  readonly ports: Ports;
}

/** Undefined: a free one. */
export interface Ports {
  readonly gateways: readonly [number | undefined, number | undefined];
  readonly admins: readonly [number | undefined, number | undefined];
  readonly redis: number | undefined;
  readonly prometheus: number | undefined;
  readonly grafana: number | undefined;
}

export const USAGE = `usage: npm run demo -- [--check] [--rate N] [--gateways PORT,PORT] [--admins PORT,PORT]
                        [--redis PORT] [--prometheus PORT] [--grafana PORT]

Two gateways, a Redis, a Prometheus and load, all on 127.0.0.1. Ports that are not given are free ones.
--check    look once whether every query of the dashboards answers; exit code 0 or 1
--rate N   requests a second on both gateways together (default 200)`;

/** @throws Error one line that says which flag is wrong */
export function readOptions(args: readonly string[]): DemoOptions | 'help' {
  const port = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      rate: { type: 'string', default: '200' },
      gateways: port,
      admins: port,
      redis: port,
      prometheus: port,
      grafana: port,
    },
  });
  if (values.help) return 'help';
  const options: DemoOptions = {
    check: values.check,
    perSecond: whole('--rate', values.rate, 5_000),
    ports: {
      gateways: pair('--gateways', values.gateways),
      admins: pair('--admins', values.admins),
      redis: portOf('--redis', values.redis),
      prometheus: portOf('--prometheus', values.prometheus),
      grafana: portOf('--grafana', values.grafana),
    },
  };
  refuseTwice(options.ports);
  return options;
}

function whole(flag: string, text: string, most: number): number {
  const number = Number(text);
  if (!/^[1-9]\d*$/.test(text) || number > most) {
    throw new Error(`${flag} takes a whole number from 1 to ${most}, not ${JSON.stringify(text)}`);
  }
  return number;
}

function portOf(flag: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : whole(flag, text, 65_535);
}

function pair(flag: string, text: string | undefined): readonly [number | undefined, number | undefined] {
  if (text === undefined) return [undefined, undefined];
  const [first, second, ...more] = text.split(',');
  if (first === undefined || second === undefined || more.length > 0) {
    throw new Error(`${flag} takes two ports with a comma between them, not ${JSON.stringify(text)}`);
  }
  return [whole(flag, first, 65_535), whole(flag, second, 65_535)];
}

/** The first given port that somebody else listens on. */
export async function firstTaken(ports: Ports): Promise<number | undefined> {
  for (const port of given(ports)) {
    const probe = createServer().listen(port, '127.0.0.1');
    try {
      await once(probe, 'listening');
      probe.close();
      await once(probe, 'close');
    } catch {
      return port;
    }
  }
  return undefined;
}

function given({ gateways, admins, redis, prometheus, grafana }: Ports): number[] {
  return [...gateways, ...admins, redis, prometheus, grafana].filter((port) => port !== undefined);
}

function refuseTwice(ports: Ports): void {
  const all = given(ports);
  const twice = all.find((port, i) => all.indexOf(port) !== i);
  if (twice !== undefined) throw new Error(`port ${twice} is given twice`);
}
