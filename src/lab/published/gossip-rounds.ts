/** In how many rounds news that one host has reach all of them, when each that knows tells `fanout` others a round. */
import type { Random } from '../../core/random.ts';
import { PeerWalk } from '../../sharing/peer-walk.ts';

/** Whom a host tells: any, each as likely; or as gateways choose, see {@link PeerWalk}. */
export type Draw = 'any' | 'walk';

const NO_ONE = -1;

/** Rounds that all begin together and lose nothing, until everybody knows. Each host tells in each round from the one after it heard. */
export function roundsUntilAllKnow(hosts: number, fanout: number, draw: Draw, random: Random): number {
  const knows = new Uint8Array(hosts);
  // Places on the circle after the host itself, so that one list serves all: host h's peer p is (h + 1 + p) mod hosts.
  const places = Array.from({ length: hosts - 1 }, (_, i) => i);
  const walks: (PeerWalk | undefined)[] = [];
  const told: number[] = [0];
  knows[0] = 1;
  let rounds = 0;
  while (told.length < hosts) {
    rounds++;
    for (let i = told.length - 1; i >= 0; i--) {
      const host = told[i] ?? NO_ONE;
      let drawn: readonly number[];
      if (draw === 'any') drawn = anyOf(hosts - 1, fanout, random);
      else {
        walks[host] ??= new PeerWalk(random);
        drawn = walks[host].draw(places, fanout);
      }
      for (const place of drawn) {
        const peer = (host + 1 + place) % hosts;
        if (knows[peer] !== 0) continue;
        knows[peer] = 1;
        told.push(peer);
      }
    }
  }
  return rounds;
}

/** `count` different numbers below `bound`. */
function anyOf(bound: number, count: number, random: Random): number[] {
  const drawn: number[] = [];
  while (drawn.length < Math.min(count, bound)) {
    const one = random.below(bound);
    if (!drawn.includes(one)) drawn.push(one);
  }
  return drawn;
}
