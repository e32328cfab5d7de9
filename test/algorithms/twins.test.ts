import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { anyHistory } from './support/arbitraries.ts';
import type { LuaTwin } from './support/lua-twin.ts';
import { startLuaTwin } from './support/lua-twin.ts';
import { replay } from './support/step.ts';

/** Histories in one script call: a call a history would spend its time on the way. */
const BATCH = 20;

describe('the windowed algorithms in TypeScript and in Lua', () => {
  let lua: LuaTwin;
  before(async () => {
    lua = await startLuaTwin();
  });
  after(() => lua.close());

  it('answer alike and keep the same state, whatever clocks, refunds and reloads do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyHistory, { minLength: BATCH, maxLength: BATCH, size: 'max' }), async (histories) => {
        const answers = await lua.replay(histories);
        for (const [i, steps] of histories.entries()) {
          const expected = replay(steps);
          for (const [j, line] of expected.entries()) {
            assert.equal(answers[i]?.[j], line, `step ${j} of ${JSON.stringify(steps.slice(0, j + 1))}`);
          }
        }
      }),
      { numRuns: Number(process.env['SLUICE_RUNS'] ?? 60) },
    );
  });
});
