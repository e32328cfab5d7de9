import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Move } from '../../../src/cluster/election/moves.ts';
import { nextMove } from '../../../src/cluster/election/moves.ts';
import { Standings, tenureValue } from '../../../src/cluster/election/standings.ts';
import type { Entry } from '../../../src/cluster/etcd/watch.ts';

const PREFIX = 'sluice/';

/** A toy of etcd's keys: what a move does to them, each change under the next revision. */
class Keys {
  #revision = 1;
  readonly #entries = new Map<string, Entry>();

  standings(slots: number): Standings {
    const standings = new Standings(PREFIX, slots);
    standings.load({ revision: this.#revision, entries: [...this.#entries.values()] });
    return standings;
  }
  put(key: string, value: string, lease: string): void {
    const modified = ++this.#revision;
    this.#entries.set(key, { key, value, lease, created: this.#entries.get(key)?.created ?? modified, modified });
  }
  drop(lease: string): void {
    for (const [key, entry] of this.#entries) if (entry.lease === lease) this.remove(key);
  }
  remove(key: string): void {
    this.#revision++;
    this.#entries.delete(key);
  }
  carryOut(move: Move, lease: string): void {
    if (move.kind === 'take') {
      const value = tenureValue({ address: lease, incarnation: 1 }, move.raise);
      this.put(`${PREFIX}leaders/${move.slot}`, value, lease);
    } else if (move.kind === 'leave') this.remove(move.tenure.entry.key);
    else assert.fail(move.kind);
  }
}

const decide = (standings: Standings, lease: string, freeFor = 60_000): Move =>
  nextMove({ standings, lease, isLeaving: () => false, freeFor: () => freeFor });

const HOST = fc.integer({ min: 0, max: 6 }).map((n) => `host${n}`);

describe('how slots spread over hosts', () => {
  it('every slot is held, and hosts differ by one slot at most, whoever comes, goes and moves first', () => {
    const events = fc.array(fc.tuple(fc.constantFrom('join', 'die', 'move'), HOST), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), events, (slots, happened) => {
        const keys = new Keys();
        const alive = new Set<string>();
        const moveOnce = (lease: string): boolean => {
          const move = decide(keys.standings(slots), lease);
          if (move.kind === 'wait') return false;
          keys.carryOut(move, lease);
          return true;
        };
        for (const [what, host] of [...happened, ['join', 'host0'] as const]) {
          if (what === 'join' && !alive.has(host)) {
            alive.add(host);
            keys.put(`${PREFIX}candidates/${host}`, JSON.stringify({ slots }), host);
          } else if (what === 'die' && alive.delete(host)) keys.drop(host);
          else if (alive.has(host)) moveOnce(host);
        }
        let moves = 0;
        while ([...alive].map(moveOnce).includes(true)) assert.ok(++moves < 100, 'it comes to an end');
        const held = [...alive].map(
          (host) =>
            keys
              .standings(slots)
              .tenures()
              .filter(({ address }) => address === host).length,
        );
        assert.equal(
          held.reduce((sum, each) => sum + each, 0),
          slots,
        );
        assert.ok(Math.max(...held) - Math.min(...held) <= 1, `${held}`);
      }),
    );
  });

  it('candidates come one after the other, and one of them at once', () => {
    const keys = new Keys();
    const hosts = Array.from({ length: 10 }, (_, n) => `host${n}`);
    for (const host of hosts) keys.put(`${PREFIX}candidates/${host}`, '{"slots":1}', host);
    const waits = hosts.map((host) => {
      const move = decide(keys.standings(1), host, 0);
      return move.kind === 'wait' ? move.ms : 0;
    });
    assert.deepEqual(
      waits.sort((a, b) => a - b),
      hosts.map((_, turn) => 25 * turn),
    );
  });

  it('a host that is set up for another number of slots is not waited for', () => {
    const keys = new Keys();
    keys.put(`${PREFIX}candidates/old`, '{"slots":1}', 'old');
    keys.put(`${PREFIX}candidates/new`, '{"slots":3}', 'new');
    for (let slot = 0; slot < 3; slot++) keys.carryOut(decide(keys.standings(3), 'new'), 'new');
    assert.equal(keys.standings(3).tenures().length, 3);
  });

  it('whoever is no candidate, or not yet known as one, takes nothing', () => {
    assert.deepEqual(decide(new Keys().standings(1), 'host0'), { kind: 'wait', ms: Number.POSITIVE_INFINITY });
  });
});

describe('what is known of leaders', () => {
  const entry = (created: number, modified: number, value = '{"address":"a:1","incarnation":7}'): Entry => ({
    key: `${PREFIX}leaders/0`,
    value,
    lease: '5',
    created,
    modified,
  });

  it('what was read early and arrives late changes nothing', () => {
    const standings = new Standings(PREFIX, 1);
    standings.load({ revision: 10, entries: [] });
    standings.hear([{ put: entry(12, 12) }]);
    standings.refresh({ revision: 11, entries: [] });
    assert.equal(standings.tenure(0)?.term, 12);
    standings.hear([{ gone: { key: `${PREFIX}leaders/0`, modified: 13 } }]);
    standings.refresh({ revision: 12, entries: [entry(12, 12)] });
    assert.equal(standings.tenure(0), undefined);
    assert.deepEqual(standings.free(), [0]);
  });

  it('what cannot be read is held by nobody, and not free', () => {
    for (const value of [
      '',
      'null',
      '[]',
      '{"address":1,"incarnation":1}',
      '{"address":"a:1"}',
      '{"address":"a:1","incarnation":-1}',
    ]) {
      const standings = new Standings(PREFIX, 1);
      standings.load({ revision: 10, entries: [entry(5, 5, value)] });
      assert.deepEqual([standings.tenure(0), standings.free()], [undefined, []], value);
    }
  });

  it('revisions that begin anew are raised above the terms that were seen', () => {
    const standings = new Standings(PREFIX, 1);
    standings.load({ revision: 100, entries: [entry(90, 90)] });
    standings.load({ revision: 3, entries: [entry(3, 3)] });
    const move = decide(standings, '9');
    assert.ok(move.kind === 'raise');
    standings.hear([{ put: entry(3, 4, tenureValue({ address: 'a:1', incarnation: 7 }, move.raise)) }]);
    assert.equal(standings.tenure(0)?.term, 91);
  });
});
