import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readTraceContext, traceFields } from '../../src/tracing/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PARENT = `00-${TRACE}-${SPAN}-01`;

const read = (parent: string, ...more: string[]) => readTraceContext(['Host', 'x', 'traceparent', parent, ...more]);
const stateOf = (...states: string[]) => read(PARENT, ...states.flatMap((state) => ['tracestate', state]))?.state;

describe('traceparent', () => {
  it('is taken as the specification’s example has it, in any spelling of its name', () => {
    const expected = { traceId: TRACE, spanId: SPAN, sampled: true, state: undefined };
    assert.deepEqual(read(PARENT), expected);
    assert.deepEqual(readTraceContext(['TraceParent', PARENT]), expected);
  });

  it('is missing: a trace starts here, and a lone tracestate is dropped', () => {
    assert.equal(readTraceContext([]), undefined);
    assert.equal(readTraceContext(['tracestate', 'a=1']), undefined);
  });

  for (const [flags, sampled] of [
    ['00', false],
    ['01', true],
    ['02', false],
    ['03', true],
    ['09', true],
    ['ff', true],
  ] as const) {
    it(`flags ${flags}: sampled is the last bit alone`, () => {
      assert.equal(read(`00-${TRACE}-${SPAN}-${flags}`)?.sampled, sampled);
    });
  }

  for (const [what, parent] of [
    ['is empty', ''],
    ['has upper case', PARENT.toUpperCase()],
    ['has a letter beyond f', PARENT.replace('4b', 'g0')],
    ['has a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['has a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['has no flags', `00-${TRACE}-${SPAN}`],
    ['has flags of one digit', `00-${TRACE}-${SPAN}-1`],
    ['has flags that are no hexadecimal', `00-${TRACE}-${SPAN}-0x`],
    ['is of version 00 and goes on', `${PARENT}-00`],
    ['is of version 00 and ends in a dash', `${PARENT}-`],
    ['is of the forbidden version', PARENT.replace(/^00/, 'ff')],
    ['is of a version that is none', PARENT.replace(/^00/, '.0')],
    ['is of a later version with flags that go on', `cc-${TRACE}-${SPAN}-01.what`],
    ['has a space before it', ` ${PARENT}`],
    ['is a list', `${PARENT}, ${PARENT}`],
  ] as const) {
    it(`${what}: the trace starts anew`, () => assert.equal(read(parent, 'tracestate', 'a=1'), undefined));
  }

  it('comes twice: the trace starts anew', () => assert.equal(read(PARENT, 'Traceparent', PARENT), undefined));

  it('of a later version is read as far as it is known', () => {
    for (const parent of [`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-the-future-brings`]) {
      assert.deepEqual(read(parent), { traceId: TRACE, spanId: SPAN, sampled: true, state: undefined });
    }
  });
});

describe('tracestate', () => {
  it('goes on in its order, several fields joined, blanks and empty members left out', () => {
    assert.equal(stateOf('rojo=1,congo=t61rcWkgMzE'), 'rojo=1,congo=t61rcWkgMzE');
    assert.equal(stateOf('a=1 , b=2,', '', ',\tc=3'), 'a=1,b=2,c=3');
    assert.equal(stateOf('fw529a3039@dt=FfAAA;x y'), 'fw529a3039@dt=FfAAA;x y');
  });

  for (const [what, state] of [
    ['no value', 'a'],
    ['an upper-case key', 'A=1'],
    ['an empty key', '=1'],
    ['an equals sign in a value', 'a=1=2'],
    ['a character outside ASCII', 'a=\u00e9'],
    ['a key of 257 characters', `${'a'.repeat(257)}=1`],
    ['a value of 257 characters', `a=${'1'.repeat(257)}`],
    ['33 members', Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(',')],
    ['more characters than are passed on', Array.from({ length: 20 }, (_, i) => `k${i}=${'1'.repeat(250)}`).join(',')],
  ] as const) {
    it(`with ${what} is dropped, and the trace goes on`, () => {
      assert.equal(stateOf(state), undefined);
      assert.equal(read(PARENT, 'tracestate', state)?.traceId, TRACE);
    });
  }

  it('of 32 members goes on', () => {
    const state = Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(',');
    assert.equal(stateOf(state), state);
  });

  it('that is empty is left out', () => assert.equal(stateOf('', ' ,'), undefined));
});

describe('the fields that go on', () => {
  it('are read back as they were meant', () => {
    for (const sampled of [true, false]) {
      for (const state of [undefined, 'a=1,b=2']) {
        const context = { traceId: TRACE, spanId: SPAN, sampled, state };
        assert.deepEqual(readTraceContext(traceFields(TRACE, SPAN, sampled, state)), context);
      }
    }
  });
});
