import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { LuaTwin } from './support/lua-twin.ts';
import { startLuaTwin } from './support/lua-twin.ts';

const NOW = 1_700_000_000_500;

const digits = fc.stringMatching(/^[0-9]{0,25}$/);
const almost = fc
  .tuple(
    fc.constantFrom('f', 's', 't', 'x', ''),
    fc.constantFrom(':', ',', '.', ''),
    digits,
    digits,
    fc.stringMatching(/^[0-9,.:e+-]{0,20}$/),
  )
  .map(([code, mark, first, second, rest]) => `${code}${mark}${first}${mark}${second}${rest}`);
const current = fc
  .tuple(
    fc.constantFrom(`f:${1_700_000_000}`, `s:${1_700_000_000}`, 's:10200000003'),
    fc.stringMatching(/^[0-9]{1,4}(,[0-9]{0,17}){0,8}:?$/),
  )
  .map(([head, rest]) => `${head}:${rest}`);

describe('a damaged value in Redis', () => {
  let lua: LuaTwin;
  before(async () => {
    lua = await startLuaTwin();
  });
  after(() => lua.close());

  it('never stops a script, and the answer is one of whole numbers in range', async () => {
    let states = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string({ unit: 'binary' }), almost, current), {
          minLength: 100,
          maxLength: 100,
          size: 'max',
        }),
        async (texts) => {
          for (const line of await lua.parseAny(NOW, texts)) {
            if (line === 'no state') continue;
            states++;
            const [allowed, ...numbers] = line.split(' ').slice(0, 4);
            assert.match(allowed ?? '', /^(yes|no)$/);
            for (const number of numbers) assert.ok(Number.isSafeInteger(Number(number)) && Number(number) >= 0, line);
          }
        },
      ),
      { numRuns: 40 },
    );
    assert.ok(states > 500, `only ${states} were taken for a state: the test shows little`);
  });

  it('counts as never seen: other text, other algorithms, numbers past 2^53', async () => {
    const whole = '9007199254740992';
    const texts = [
      '',
      'f',
      'f:',
      'f:1',
      'f:1:',
      'f:1:2:3',
      'f:-1:2',
      'f:1.5:2',
      'f:1e3:2',
      ' f:1:2',
      'f:1:2\n',
      'F:1:2',
      's:1',
      's:1:',
      's:1:,2',
    ]
      .concat([
        's:1:2,3,,4',
        's:1:2,,',
        's:1:2,3,',
        's:1:2:3',
        't:1',
        't:1:x',
        't:0x10:5',
        '{"index":1}',
        '[1,2]',
        'nil',
      ])
      .concat([
        `f:${whole}:1`,
        `f:1:${whole}`,
        `s:${whole}:1`,
        `s:1:${whole}`,
        `s:1:1,${whole}`,
        `s:1:9007199254740991,1`,
      ])
      .concat([`s:1:0,1,${'9'.repeat(400)}`, `t:${whole}:1`, `t:1:${whole}`, `t:${'9'.repeat(400)}:1`]);
    for (const [i, line] of (await lua.parseAny(NOW, texts)).entries()) {
      assert.equal(line, 'no state', `${JSON.stringify(texts[Math.floor(i / 4)])}, algorithm ${i % 4}`);
    }
  });
});
