/** What leases spare Redis: prints the table of docs/leases.md. Run: `npx node bench/leases.ts`. */
import type { LeasablePolicy as Windowed } from '../src/sharing/lease.ts';
import type { Check } from '../src/sharing/strategy.ts';
import type { Member, Pressed } from '../test/sharing/leased-member.ts';
import { member, pressure } from '../test/sharing/leased-member.ts';
import type { Redis } from '../test/support/redis.ts';
import { startRedis } from '../test/support/redis.ts';

const GATEWAYS = 4;
const WARM_UP_MS = 1_500;
const RUN_MS = 4_000;
const OUT_OF_REACH = 1_000_000;

const sliding = (limit: number, windowMs: number, buckets = 2): Windowed => ({
  algorithm: 'sliding-window',
  limit,
  windowMs,
  buckets,
});
const fixed = (limit: number, windowMs: number): Windowed => ({ algorithm: 'fixed-window', limit, windowMs });

const CASES: readonly (readonly [perGateway: number, policy: Windowed])[] = [
  [50, sliding(OUT_OF_REACH, 1_000)],
  [50, sliding(OUT_OF_REACH, 60_000)],
  [200, sliding(OUT_OF_REACH, 1_000)],
  [1_000, sliding(OUT_OF_REACH, 1_000)],
  [5_000, sliding(OUT_OF_REACH, 1_000)],
  [5_000, fixed(10_000, 1_000)],
  [5_000, fixed(1_000, 1_000)],
  [500, fixed(1_000, 1_000)],
  [5_000, sliding(10_000, 1_000)],
  [5_000, sliding(10_000, 1_000, 13)],
  [5_000, sliding(2_000, 1_000)],
  [5_000, sliding(1_000, 1_000)],
  [500, sliding(1_000, 1_000)],
  [2_750, sliding(10_000, 1_000)],
  [500, sliding(60_000, 60_000)],
  [500, sliding(6_000, 60_000)],
];

interface Sample extends Pressed {
  readonly checks: number;
}

async function run(redis: Redis, perGateway: number, policy: Windowed, lease: boolean): Promise<Sample> {
  const members: Member[] = [];
  for (let i = 0; i < GATEWAYS; i++) members.push(await member(redis, GATEWAYS));
  const counter = `${lease}:${Math.round(performance.now())}`;
  const check: Check & { policy: Windowed } = {
    limit: 'l',
    counter,
    policy,
    cost: 1,
    shadow: false,
    lease,
    holder: undefined,
  };
  // A long window is used up first, so that the key is at its limit.
  if (policy.windowMs > RUN_MS) await members[0]?.strategy.check([{ ...check, lease: false, cost: policy.limit }]);
  const untilNext =
    policy.windowMs > RUN_MS ? policy.windowMs - (Date.now() % policy.windowMs) + policy.windowMs / 20 : 0;
  await new Promise((resolve) => setTimeout(resolve, untilNext));
  await pressure(members, check, GATEWAYS * perGateway, WARM_UP_MS);
  for (const each of members) each.checks = 0;
  const pressed = await pressure(members, check, GATEWAYS * perGateway, RUN_MS);
  const checks = members.reduce((sum, each) => sum + each.checks, 0);
  for (const each of members) await each.close();
  return { ...pressed, checks };
}

const plain = (n: number): string => Math.round(n).toLocaleString('en');
const span = (ms: number): string => (ms < 60_000 ? `${ms / 1_000}s` : `${ms / 60_000}m`);
const name = ({ limit, windowMs, ...rest }: Windowed): string =>
  limit >= OUT_OF_REACH
    ? `not reached, ${span(windowMs)}`
    : `${plain(limit)}/${span(windowMs)}, \`${rest.algorithm}\`${'buckets' in rest && rest.buckets !== 2 ? `, ${rest.buckets} buckets` : ''}`;

await using redis = await startRedis();
process.stdout.write(
  '| requests a second | limit | admitted per check in Redis, `none` | `auto` | checks a second, `none` | `auto` | admitted, `auto` / `none` |\n',
);
process.stdout.write('| --- | --- | ---: | ---: | ---: | ---: | ---: |\n');
for (const [perGateway, policy] of CASES) {
  const none = await run(redis, perGateway, policy, false);
  const auto = await run(redis, perGateway, policy, true);
  const ratio = ({ admitted, checks }: Sample): string =>
    admitted / checks < 10 ? (admitted / checks).toPrecision(2) : Math.round(admitted / checks).toString();
  const rate = ({ checks }: Sample): string => plain(checks / (RUN_MS / 1_000));
  const cells = [
    `${GATEWAYS} × ${plain(perGateway)}`,
    name(policy),
    ratio(none),
    ratio(auto),
    rate(none),
    rate(auto),
    `${((100 * auto.admitted) / none.admitted).toFixed(1)} %`,
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
