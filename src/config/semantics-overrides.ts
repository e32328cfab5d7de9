import { globCovers } from '../core/patterns.ts';
import type { OverrideShape } from './schema-limits.ts';
import type { Subject } from './subject.ts';

/**
 * Overrides behind ones that take all their keys, and patterns that take every key. The keys themselves are not shown:
 * they may be clients' secrets.
 */
export function checkReach(overrides: readonly OverrideShape[], limitPath: string, { places, faults }: Subject): void {
  const exact = new Map<string, number>();
  const patterns: { readonly key: string; readonly index: number }[] = [];
  for (const [index, { key, unlimited }] of overrides.entries()) {
    const path = `${limitPath}/overrides/${index}/key`;
    const hiding = exact.get(key) ?? patterns.find((earlier) => globCovers(earlier.key, key))?.index;
    if (hiding !== undefined) {
      const { line } = faults.position(places.valueAt(`${limitPath}/overrides/${hiding}/key`));
      faults.add(places.valueAt(path), path, {
        code: 'hidden-override',
        message: `the override in line ${line} matches these keys first`,
        hint: 'the first pattern that matches counts; put the more particular one first',
      });
    } else if (/^\*+$/.test(key)) {
      faults.add(places.valueAt(path), path, {
        code: 'never-refuses',
        message: unlimited
          ? 'this limit can never refuse anything: the override * makes every key unlimited'
          : 'the limit’s own numbers are never used: the override * matches every key',
        hint: 'write the numbers into the limit, or narrow the pattern',
      });
    }
    // Only patterns have to be tried one by one: a file may well name thousands of keys.
    if (key.includes('*')) patterns.push({ key, index });
    else if (!exact.has(key)) exact.set(key, index);
  }
}
