import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SpaceSaving } from '../../src/core/space-saving.ts';
import { readTop, writeTop } from '../../src/core/top-summary.ts';

function counted(keys: readonly string[]): SpaceSaving {
  const counts = new SpaceSaving(256);
  for (const key of keys) counts.add(key);
  return counts;
}

describe('a summary that travels', () => {
  it('arrives as it was when it is small', () => {
    const sent = {
      host: 'gateway-1',
      seconds: 83.2,
      asked: counted(['a', 'a', 'b', '<i>']).summary(),
      refused: counted([]).summary(),
    };
    assert.deepEqual(readTop(writeTop(sent)), sent);
  });

  it('is cut to 100 keys, and what was cut off stands in the floor', () => {
    const keys = Array.from({ length: 200 }, (_, i) => Array.from({ length: 200 - i }, () => `k${i}`)).flat();
    const sent = { host: 'h', seconds: 1, asked: counted(keys).summary(), refused: counted([]).summary() };
    const read = readTop(writeTop(sent));
    assert.equal(read?.asked.keys.length, 100);
    assert.equal(read?.asked.keys[0]?.count, 200);
    // The 101st key was counted 100 times: no key that is not there was counted more often.
    assert.equal(read?.asked.floor, 100);
  });

  it('is not believed when it is anything else', () => {
    const bad = [
      '',
      'null',
      '{}',
      '[]',
      '[2,"h",1,[0,[]],[0,[]]]',
      '[1,7,1,[0,[]],[0,[]]]',
      '[1,"h",-1,[0,[]],[0,[]]]',
      '[1,"h",1,[0,[]]]',
      '[1,"h",1,[0,[["k",1,2]]],[0,[]]]',
      '[1,"h",1,[0,[[7,1,0]]],[0,[]]]',
      '[1,"h",1,[null,[]],[0,[]]]',
      '[1,"\\u001b[2J",1,[0,[]],[0,[]]]',
      '[1,"h",1,[0,[["\\u001b[2J",1,0]]],[0,[]]]',
      '[1,"h",1,[0,[["",1,0]]],[0,[]]]',
      `[1,"h",1,[0,[["${'k'.repeat(129)}",1,0]]],[0,[]]]`,
      JSON.stringify([1, 'h', 1, [0, Array.from({ length: 101 }, (_, i) => [`k${i}`, 1, 0])], [0, []]]),
    ];
    for (const text of bad) assert.equal(readTop(text), undefined, text);
    fc.assert(fc.property(fc.json(), (text) => readTop(text) === undefined));
  });
});
