/** One host among ten thousand: what it sends and what a tick costs do not grow with them. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel, Receiver } from '../../../src/cluster/channel.ts';
import {
  readAnswer,
  readMessage,
  startMessage,
  startQuestion,
  writeClaim,
} from '../../../src/cluster/swim/messages.ts';
import { Swim } from '../../../src/cluster/swim/swim.ts';
import { PeerError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';
import { addressOf } from './virtual-fleet.ts';

const MAX_PAYLOAD = 1_300;
const MAX_EXCHANGE = 100_000;
const TICK = 200;
const self = { address: '10.255.0.1:7946', incarnation: 1_000 };

/** A host that has been told of `count` others, all of which answer every ping at once. */
function among(count: number) {
  const clock = new VirtualClock();
  let receiver: Receiver | undefined;
  const pings = new Map<string, number>();
  const sizes: number[] = [];
  const channel: Channel = {
    maxPayload: MAX_PAYLOAD,
    maxExchange: MAX_EXCHANGE,
    send: (to, payload) => {
      sizes.push(payload.length);
      const message = readMessage(payload);
      if (message.kind !== 'ping') return;
      pings.set(to, (pings.get(to) ?? 0) + 1);
      const ack = startMessage({ kind: 'ack', ticket: message.ticket }, MAX_PAYLOAD).view();
      clock.after(1, () => receiver?.message({ address: to, incarnation: 1 }, ack));
    },
    exchange: () => Promise.reject(new PeerError('no answer', false)),
    receive: (given) => {
      receiver = given;
    },
  };
  const random = seededRandom(count);
  const telemetry = { peerRefused: () => {} };
  const swim = new Swim({ self, channel, clock, random, logger: silentLogger, telemetry });
  const addresses = Array.from({ length: count }, (_, i) => addressOf(i));
  const question = startQuestion('all', 1_000_000);
  for (const address of addresses) {
    writeClaim(question, { address, incarnation: 1, refutation: 0, says: 'alive', ageMs: 0 });
  }
  const answer = receiver?.question({ address: addressOf(0), incarnation: 1 }, question.view()) ?? new Uint8Array();
  swim.start();
  return { clock, swim, pings, sizes, addresses, answer, receiver };
}

it('10,000 others are each probed once in 10,000 periods, with a handful of bounded messages a second', () => {
  const { clock, swim, pings, sizes, addresses, answer } = among(10_000);
  assert.equal(swim.peers.length, 10_000);
  assert.ok(answer.length > 0.99 * MAX_EXCHANGE && answer.length <= MAX_EXCHANGE);
  for (let period = 0; period < 10_000; period++) clock.advance(5 * TICK);
  assert.equal(swim.visibleShare, 1);
  for (const address of addresses) {
    const times = pings.get(address) ?? 0;
    assert.ok(times === 1 || times === 2, `${address} was probed ${times} times`);
  }
  assert.ok(sizes.length <= 5 * 10_000 * 5, `${sizes.length} messages`);
  assert.ok(Math.max(...sizes.slice(-10_000)) <= MAX_PAYLOAD);
});

it('what does not fit into one answer comes with the next ones', () => {
  const { receiver } = among(10_000);
  const question = startQuestion('all', 100).view();
  const told = new Set<string>();
  for (let i = 0; i < 4; i++) {
    const answer = receiver?.question({ address: addressOf(0), incarnation: 1 }, question) ?? new Uint8Array();
    for (const { address } of readAnswer(answer).claims) told.add(address);
  }
  assert.equal(told.size, 10_001);
});

it('a thousand pieces of news at once fill messages, and no more than three of them a tick', () => {
  const { clock, sizes, receiver, swim } = among(10_000);
  clock.advance(10 * TICK);
  for (let at = 0; at < 1_000; at += 20) {
    const news = startMessage({ kind: 'news' }, MAX_PAYLOAD);
    for (let i = at; i < at + 20; i++) {
      writeClaim(news, { address: addressOf(i), incarnation: 1, refutation: 0, says: 'suspect', ageMs: 0 });
    }
    receiver?.message({ address: addressOf(5_000), incarnation: 1 }, news.view());
  }
  assert.equal(swim.peers.filter(({ state }) => state === 'suspect').length, 1_000);
  const before = sizes.length;
  clock.advance(10 * TICK);
  const sent = sizes.slice(before);
  assert.ok(sent.length <= 10 * 5 && sent.length >= 10 * 3, `${sent.length}`);
  assert.ok(sent.filter((size) => size > 0.95 * MAX_PAYLOAD).length >= 10 * 3);
  assert.ok(Math.max(...sent) <= MAX_PAYLOAD);
});

it('a tick costs the same among 10,000 as among 100', () => {
  const [few, many] = [among(100), among(10_000)];
  const cost = ({ clock }: ReturnType<typeof among>): number => {
    const start = process.cpuUsage();
    clock.advance(5_000 * TICK);
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  for (const host of [few, many]) cost(host);
  const ratios = [0, 1, 2, 3, 4].map(() => cost(many) / cost(few)).sort((a, b) => a - b);
  // Caches hold a hundred hosts and not ten thousand. What goes through all of them would cost a hundred times as much.
  assert.ok((ratios[2] ?? 0) < 8, `${ratios.map((ratio) => ratio.toFixed(1))}`);
});
