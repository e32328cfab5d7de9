/** Gateways' worth of the leased strategy on a real Redis, as the limiter asks it, and load on them. */
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { Denials } from '../../src/limiter/denials.ts';
import { RedisConnection } from '../../src/redis/connection.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/lua-script-loader.ts';
import type { LeasablePolicy } from '../../src/sharing/lease.ts';
import { LeasedStrategy } from '../../src/sharing/leased.ts';
import { RedisStrategy } from '../../src/sharing/redis.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import type { Redis } from '../support/redis.ts';

const TIMEOUT_MS = 2_000;

export interface Member {
  readonly strategy: LeasedStrategy;
  /** Checks that travelled to Redis. */
  checks: number;
  /** One request as the limiter decides it: what is known to be refused is not asked for. */
  ask(check: Check): GroupVerdict | Promise<GroupVerdict> | undefined;
  close(): Promise<void>;
}

export async function member(redis: Pick<Redis, 'port'>, live: number): Promise<Member> {
  const connection = new RedisConnection({
    address: { host: '127.0.0.1', port: redis.port, database: 0 },
    access: { username: undefined, password: undefined, tls: undefined },
    timeoutMs: TIMEOUT_MS,
    clientName: 'test',
    clock: systemClock,
    logger: silentLogger,
  });
  const telemetry = {
    ...silentTelemetry,
    storeRoundtrip: (_seconds: number, checks: number) => {
      made.checks += checks;
    },
  };
  const inner = new RedisStrategy({
    clock: systemClock,
    runner: connection,
    scripts: {
      check: loadScript('check'),
      settle: loadScript('settle'),
      peek: loadScript('peek'),
      reset: loadScript('reset'),
      announceReset: loadScript('announce_reset'),
    },
    keys: keyLayout('test'),
    timeoutMs: TIMEOUT_MS,
    telemetry,
    logger: silentLogger,
  });
  const strategy = new LeasedStrategy({
    clock: systemClock,
    inner,
    telemetry,
    timeoutMs: TIMEOUT_MS,
    liveInstances: () => live,
  });
  const denials = new Denials(systemClock);
  const made: Member = {
    strategy,
    checks: 0,
    ask: (check) => {
      if (denials.find(check) !== undefined) return undefined;
      const sentAt = systemClock.monotonic();
      const remembering = (answer: GroupVerdict): GroupVerdict => {
        const [verdict] = answer.verdicts;
        if (verdict?.allowed === false) denials.remember(check, verdict, sentAt);
        return answer;
      };
      const answer = strategy.check([check]);
      return answer instanceof Promise ? answer.then(remembering) : remembering(answer);
    },
    close: async () => {
      await strategy.close();
      connection.close();
    },
  };
  await connection.start();
  await strategy.start();
  return made;
}

export interface Pressed {
  readonly offered: number;
  readonly admitted: number;
  /** Units by the aligned window that they were charged to. */
  readonly byWindow: ReadonlyMap<number, number>;
}

/** Asks all members in turn for one key, evenly, `perSecond` times a second over all of them, for `ms`. */
export async function pressure(
  members: readonly Member[],
  check: Check & { readonly policy: LeasablePolicy },
  perSecond: number,
  ms: number,
): Promise<Pressed> {
  const byWindow = new Map<number, number>();
  const open: Promise<unknown>[] = [];
  let [offered, admitted] = [0, 0];
  const note = (answer: GroupVerdict): void => {
    if (!answer.allowed) return;
    admitted += check.cost;
    const window = Math.floor(answer.at / check.policy.windowMs);
    byWindow.set(window, (byWindow.get(window) ?? 0) + check.cost);
  };
  const startedAt = performance.now();
  for (;;) {
    const passed = performance.now() - startedAt;
    if (passed >= ms) break;
    // What a stalled machine made late is left out: it would come as a burst that nobody sent.
    const due = Math.floor((passed * perSecond) / 1_000);
    if (due - offered > 200) offered = due - 200;
    for (; offered < due; offered++) {
      const answer = members[offered % members.length]?.ask(check);
      if (answer instanceof Promise) open.push(answer.then(note));
      else if (answer !== undefined) note(answer);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(open);
  return { offered, admitted, byWindow };
}
