import { randomBytes } from 'node:crypto';

/** A source of randomness, handed in so that a seed can replay a run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in [0, bound). */
  below(bound: number): number;
  /** `bytes` random bytes in lower-case hexadecimal. */
  hex(bytes: number): string;
}

class SystemRandom implements Random {
  next(): number {
    return Math.random();
  }
  below(bound: number): number {
    return Math.floor(Math.random() * bound);
  }
  hex(bytes: number): string {
    return randomBytes(bytes).toString('hex');
  }
}

export const systemRandom: Random = new SystemRandom();

/** SplitMix32 (after Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014). Not for secrets. */
class SeededRandom implements Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4_294_967_296;
  }
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
  hex(bytes: number): string {
    let out = '';
    for (let i = 0; i < bytes; i++) out += this.below(256).toString(16).padStart(2, '0');
    return out;
  }
}

/** The same numbers for the same seed, on every machine. */
export function seededRandom(seed: number): Random {
  return new SeededRandom(seed);
}
