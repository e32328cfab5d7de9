import type { Matcher } from './glob.ts';
import { compileGlob, isGlob } from './glob.ts';
import { keyId } from './key-text.ts';

/** Finds what holds for a key: the first override whose pattern matches its label, or the rule for everybody else. */
export interface OverrideTable<T> {
  find(label: string): T;
}

/** From this many globs on, remembering an answer is cheaper than finding it again. */
const CACHE_FROM_GLOBS = 8;
const CACHE_SIZE = 4_096;
/** Longer labels are not remembered, so that the cache's memory has a bound that can be stated: about 1 MB a limit. */
const CACHE_LABEL_LENGTH = 128;

/**
 * @param rules patterns in the order of the configuration, as labels (see key-text.ts)
 * @param otherwise what holds when none matches
 */
export function overrideTable<T>(rules: readonly { pattern: string; value: T }[], otherwise: T): OverrideTable<T> {
  if (rules.length === 0) return { find: () => otherwise };
  const exact = new Map<string, { order: number; value: T }>();
  const globs: { order: number; matches: Matcher; value: T }[] = [];
  rules.forEach(({ pattern, value }, order) => {
    if (isGlob(pattern)) {
      globs.push({ order, matches: compileGlob(pattern), value });
      return;
    }
    // A long key is also known by its hashed id, all that an operator may have of it.
    for (const text of new Set([pattern, keyId(pattern)])) if (!exact.has(text)) exact.set(text, { order, value });
  });
  const search = (label: string): T => {
    const hit = exact.get(label);
    for (const glob of globs) {
      if (hit !== undefined && hit.order < glob.order) break;
      if (glob.matches(label)) return glob.value;
    }
    return hit === undefined ? otherwise : hit.value;
  };
  return globs.length < CACHE_FROM_GLOBS ? { find: search } : { find: remembered(search) };
}

function remembered<T>(search: (label: string) => T): (label: string) => T {
  const known = new Map<string, { value: T }>();
  return (label) => {
    if (label.length > CACHE_LABEL_LENGTH) return search(label);
    const hit = known.get(label);
    if (hit !== undefined) return hit.value;
    const value = search(label);
    if (known.size >= CACHE_SIZE) {
      // The oldest goes: a key in use comes back with one search.
      for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
    }
    known.set(label, { value });
    return value;
  };
}
