/** Nobody who lives is given up for what the network loses. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { VirtualFleet } from './virtual-fleet.ts';

interface Run {
  readonly hosts: number;
  readonly loss: number;
  /** Of the questions that go a reliable way, which repeats what is lost. */
  readonly questionLoss: number;
  readonly hours: number;
  readonly seed: number;
}

/** Hosts given up, by each host that did so, in so many hours of all hosts together. */
async function givenUp({ hosts: count, loss, questionLoss, hours, seed }: Run) {
  const fleet = new VirtualFleet({ seed, loss });
  const hosts = await fleet.start(count);
  await fleet.until('all know each other', () => fleet.agrees(), 30_000);
  fleet.questionLoss = questionLoss;
  for (const host of hosts) host.seen.length = 0;
  await fleet.run((hours * 3_600_000) / count);
  const changes = hosts.flatMap(({ seen }) => seen);
  return {
    lost: changes.filter((change) => /dead|gone/.test(change)).length,
    suspected: changes.filter((change) => change.endsWith('suspect')).length,
  };
}

for (const [loss, questionLoss] of [
  [0.05, 0],
  [0.05, 0.1],
  [0.3, 0],
] as const) {
  it(`${100 * loss} % of messages lost, ${100 * questionLoss} % of questions: nobody is given up`, async () => {
    for (const hosts of [2, 5, 40]) {
      for (const seed of [1, 2]) {
        const { lost } = await givenUp({ hosts, loss, questionLoss, hours: 2, seed });
        assert.equal(lost, 0, `${hosts} hosts, seed ${seed}`);
      }
    }
  });
}

it('with 5 % loss and no reliable way at all, suspicions are rare and come to nothing', async () => {
  for (const seed of [1, 2, 3]) {
    const { lost, suspected } = await givenUp({ hosts: 10, loss: 0.05, questionLoss: 1, hours: 4, seed });
    assert.equal(lost, 0, `seed ${seed}`);
    // A ping and its answer fail with 1 − 0.95² = 0.1, each of three ways round with 1 − 0.95⁴ = 0.19: one probe in 1,600, each seen by 9.
    assert.ok(suspected < 2 * 9 * ((4 * 3_600) / 1_600), `${suspected} suspicions, seed ${seed}`);
  }
});

it('with 30 % loss and no reliable way, hardly anybody is given up, and whoever is comes back', async () => {
  const fleet = new VirtualFleet({ seed: 5, loss: 0.3 });
  const hosts = await fleet.start(10);
  await fleet.until('all know each other', () => fleet.agrees(), 30_000);
  fleet.questionLoss = 1;
  await fleet.run(600_000);
  const lost = hosts.flatMap(({ seen }) => seen).filter((change) => /dead|gone/.test(change)).length;
  // 6,000 probes, of which a fifth fail; a fault in refutation shows as hundreds.
  assert.ok(lost <= 20, `${lost} given up`);
  fleet.questionLoss = 0;
  fleet.loss = 0;
  await fleet.until('all is well', () => fleet.agrees(), 20_000);
});
