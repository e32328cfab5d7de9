/** Whether a text matches a pattern. */
export type Matcher = (text: string) => boolean;

export function isGlob(pattern: string): boolean {
  return pattern.includes('*');
}

/**
 * Compiles a pattern in which `*` stands for any run of characters, none included. Matching takes time in proportion to
 * the text: each literal piece is looked for once, leftmost first, so no pattern can be made to backtrack.
 */
export function compileGlob(pattern: string): Matcher {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return (text) => text === first;
  const last = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  const fixed = first.length + last.length;
  return (text) => {
    if (text.length < fixed || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    const end = text.length - last.length;
    for (const piece of middle) {
      const at = text.indexOf(piece, from);
      if (at === -1 || at + piece.length > end) return false;
      from = at + piece.length;
    }
    return true;
  };
}
