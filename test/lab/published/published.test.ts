/** Numbers that others have published come out here as well; where they do not, docs/trade-offs.md says why. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../../src/core/random.ts';
import { batchReports } from '../../../src/lab/published/batch-reports.ts';
import { roundsUntilAllKnow } from '../../../src/lab/published/gossip-rounds.ts';
import { publishedReport, publishedSteps } from '../../../src/lab/published/published.ts';
import { judgeEstimates } from '../../../src/lab/published/two-buckets.ts';

describe('a window estimated from two sub-windows', () => {
  const traffic = {
    sources: 300,
    limit: 600,
    windowMs: 60_000,
    durationMs: 1_800_000,
    median: 0.03,
    sigma: 0.8,
    attackers: 2,
    attackTimes: 3,
  };

  it('judges nearly all requests as one that knows every time, and more buckets more of them', () => {
    const [two, ten, sixty] = judgeEstimates(traffic, [2, 10, 60], seededRandom(1));
    assert.ok(two && ten && sixty);
    assert.equal(two.requests, sixty.requests);
    assert.ok(two.requests > 150_000, `${two.requests} requests`);
    assert.ok(two.wronglyAllowed + two.wronglyRefused < 0.002, JSON.stringify(two));
    assert.ok(two.rateDifference > 0.02 && two.rateDifference < 0.07, JSON.stringify(two));
    assert.ok(ten.rateDifference < two.rateDifference / 2, JSON.stringify(ten));
    assert.ok(sixty.rateDifference < ten.rateDifference / 2, JSON.stringify(sixty));
    assert.equal(two.falsePositives, 0);
    assert.ok(two.missedBy < 0.15);
  });

  it('never differs for a source that is so fast or so slow that every window says so', () => {
    const far = { ...traffic, sources: 20, median: 0.01, sigma: 0, attackers: 0, durationMs: 300_000 };
    const [judged] = judgeEstimates(far, [2], seededRandom(2));
    assert.deepEqual([judged?.wronglyAllowed, judged?.wronglyRefused, judged?.missed], [0, 0, 0]);
  });
});

describe('hosts that report in batches', () => {
  const setting = { hosts: 20, limitPerSecond: 1_000, offeredPerSecond: 1_500, latencyMs: 0.25, durationMs: 30_000 };

  it('admit some percent too much in a second, and hardly anything over a minute', () => {
    const { over, overInWorstSecond, overWhereOver } = batchReports(
      { ...setting, reportEveryMs: 100 },
      seededRandom(1),
    );
    assert.ok(over > 0 && over < 0.01, String(over));
    assert.ok(overWhereOver > 0.01 && overWhereOver < 0.1, String(overWhereOver));
    assert.ok(overInWorstSecond < 0.25, String(overInWorstSecond));
  });

  it('are the more exact the more often they report', () => {
    const worst = [10, 100, 400].map(
      (reportEveryMs) => batchReports({ ...setting, reportEveryMs }, seededRandom(3)).overInWorstSecond,
    );
    assert.deepEqual(
      worst,
      [...worst].sort((a, b) => a - b),
    );
  });

  it('refuse nothing below the target', () => {
    const { over } = batchReports({ ...setting, offeredPerSecond: 500, reportEveryMs: 100 }, seededRandom(4));
    assert.ok(Math.abs(over + 0.5) < 0.02, String(over));
  });
});

describe('news that three are told in each round', () => {
  const mean = (hosts: number, times: number, draw: 'any' | 'walk'): number => {
    const random = seededRandom(1);
    let sum = 0;
    for (let i = 0; i < times; i++) sum += roundsUntilAllKnow(hosts, 3, draw, random);
    return sum / times;
  };

  it('reach all hosts in the rounds that are known, however they are drawn', () => {
    for (const draw of ['any', 'walk'] as const) {
      for (const [hosts, known, times] of [
        [100, 5.7, 200],
        [1_000, 8.2, 50],
        [10_000, 10.7, 5],
      ] as const) {
        const rounds = mean(hosts, times, draw);
        assert.ok(Math.abs(rounds - known) < 0.4, `${rounds} rounds on ${hosts} hosts, drawn by ${draw}`);
      }
    }
  });

  it('take one round when all others can be told in it', () => {
    assert.equal(roundsUntilAllKnow(4, 3, 'any', seededRandom(1)), 1);
    assert.equal(roundsUntilAllKnow(4, 3, 'walk', seededRandom(1)), 1);
  });
});

describe('the report', () => {
  it('is the same for the same seed, with an interval for each mean and a step of progress for each part', () => {
    let steps = 0;
    const options = { seed: 5, runs: 2, sources: 5, onDone: () => steps++ };
    const report = publishedReport(options);
    assert.equal(steps, publishedSteps(options));
    assert.deepEqual(publishedReport(options), report);
    assert.deepEqual(report.seeds, [5, 6]);
    for (const row of report.rows) assert.ok(Number.isFinite(row.measured) && row.interval !== null, row.what);
    assert.equal(report.rows.filter(({ published }) => published !== null).length, 9);
  });
});
