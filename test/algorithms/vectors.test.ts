import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { replayHolders } from './support/holders.ts';
import type { LuaTwin } from './support/lua-twin.ts';
import { startLuaTwin } from './support/lua-twin.ts';
import { replay } from './support/step.ts';
import { holdersCases, windowedCases } from './support/vectors.ts';

/** Without the time to live, which the vectors leave out. */
function shortened(lines: readonly string[] | undefined): string[] | undefined {
  return lines?.map((line) => line.replace(/ \S+$/, ''));
}

describe('the shared vectors', () => {
  let lua: LuaTwin;
  before(async () => {
    lua = await startLuaTwin();
  });
  after(() => lua.close());

  for (const algorithm of ['fixed-window', 'sliding-window', 'token-bucket'] as const) {
    describe(algorithm, () => {
      for (const { name, steps, expected } of windowedCases(algorithm)) {
        it(`${name} (TypeScript)`, () => {
          assert.deepEqual(shortened(replay(steps)), expected);
        });
        it(`${name} (Lua)`, async () => {
          const [lines] = await lua.replay([steps]);
          assert.deepEqual(shortened(lines), expected);
        });
      }
    });
  }

  describe('concurrency', () => {
    for (const { name, steps, expected } of holdersCases()) {
      it(`${name} (TypeScript)`, () => {
        assert.deepEqual(replayHolders(steps), expected);
      });
      it(`${name} (Lua)`, async () => {
        assert.deepEqual(await lua.replayHolders(steps), expected);
      });
    }
  });
});
