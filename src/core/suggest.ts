import { distance } from 'fastest-levenshtein';

const plain = (word: string): string => word.toLowerCase().replace(/[-_ .]/g, '');

/** Enough for any list a person would write; keeps thousands of unknown names among thousands of known ones cheap. */
const MOST_CANDIDATES = 500;
const letters = (word: string): string => [...word].sort().join('');

/**
 * The candidate that `word` was probably meant to be; undefined when none is near. Near means: the same but for case,
 * `-` and `_`, or at most one edit in three characters (Levenshtein; swapped
 * letters count as one edit), so that short words do not match everything.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  if (wanted.length === 0 || wanted.length > 200) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  let looked = 0;
  for (const candidate of candidates) {
    if (++looked > MOST_CANDIDATES) break;
    const known = plain(candidate);
    const edits = distance(wanted, known);
    const d = edits === 2 && letters(wanted) === letters(known) ? 1 : edits;
    if (d < bestDistance && d < known.length) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** `did you mean "x"?`, or the candidates themselves when none is near; for the hint of a message. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = suggest(word, candidates);
  if (near !== undefined) return `did you mean "${near}"?`;
  if (candidates.length === 0) return 'none is defined';
  const shown = candidates.slice(0, 16).join(', ');
  return `there is ${shown}${candidates.length > 16 ? ', …' : ''}`;
}
