import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { Progress } from '../../src/lab/progress.ts';

function on(output: { isTTY?: boolean; columns?: number }, total: number | undefined) {
  const written: string[] = [];
  const clock = new VirtualClock();
  const write = (text: string): void => void written.push(text);
  return { written, clock, progress: new Progress({ output: { ...output, write }, clock, total, title: 'lab' }) };
}

describe('progress', () => {
  it('is a bar on a terminal, drawn again a few times a second and taken away', () => {
    const { written, clock, progress } = on({ isTTY: true, columns: 60 }, 8);
    progress.at(1, 'mesh');
    assert.equal(written.length, 0, 'nothing at once');
    clock.advance(2_000);
    progress.at(2, 'mesh');
    progress.at(3, 'mesh');
    assert.deepEqual(written, ['\rlab  [######..................]  25 %  mesh  6 s left\x1b[K']);
    clock.advance(100);
    progress.at(8, 'a way of sharing with a name too long for one line');
    assert.equal(written.at(1)?.length, 59 + '\r\x1b[K'.length);
    progress.end();
    progress.end();
    assert.deepEqual(written.slice(2), ['\r\x1b[K']);
  });

  it('is a line every five seconds elsewhere', () => {
    const { written, clock, progress } = on({}, 10);
    for (let i = 0; i < 10; i++) {
      clock.advance(2_000);
      progress.at(i, `run ${i}`);
    }
    progress.end();
    assert.deepEqual(written, [
      'lab  20 %  run 2  24 s left\n',
      'lab  50 %  run 5  12 s left\n',
      'lab  80 %  run 8  4 s left\n',
    ]);
  });

  it('says how much has been done where nobody knows how much there is', () => {
    const { written, clock, progress } = on({}, undefined);
    clock.advance(5_000);
    progress.at(123, '123 lines');
    assert.deepEqual(written, ['lab  123 lines\n']);
  });
});
