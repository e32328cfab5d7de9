/**
 * A scanner for TypeScript text that knows just enough to tell code from comments, strings, templates and regular
 * expressions. Both views keep every offset and line break, so a place found in one is the same place in the file.
 */
export interface SourceText {
  /** As written. */
  readonly text: string;
  /** Comments are spaces. */
  readonly withoutComments: string;
  /** Comments and the insides of strings, templates and regular expressions are spaces; `${…}` stays code. */
  readonly code: string;
}

const BEFORE_REGEXP = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|do|else|await|yield|instanceof)$/;

export function scan(text: string): SourceText {
  const comments: Span[] = [];
  const literals: Span[] = [];
  /** For each open `${`, how many braces are open inside it. */
  const templates: number[] = [];
  let at = 0;

  const skipTemplate = (): void => {
    const start = at;
    for (; at < text.length; at++) {
      if (text[at] === '\\') at++;
      else if (text[at] === '`') {
        literals.push([start, at++]);
        return;
      } else if (text[at] === '$' && text[at + 1] === '{') {
        literals.push([start, at]);
        at += 2;
        templates.push(0);
        return;
      }
    }
  };

  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '/' && text[at + 1] === '/') {
      const end = indexOr(text, '\n', at);
      comments.push([at, end]);
      at = end;
    } else if (char === '/' && text[at + 1] === '*') {
      const end = indexOr(text, '*/', at + 2) + 2;
      comments.push([at, end]);
      at = end;
    } else if (char === "'" || char === '"') {
      const end = endOfString(text, at + 1, char);
      literals.push([at + 1, end]);
      at = end + 1;
    } else if (char === '`') {
      at++;
      skipTemplate();
    } else if (char === '/' && startsRegExp(text, at, comments)) {
      const end = endOfRegExp(text, at + 1);
      literals.push([at + 1, end]);
      at = end + 1;
    } else {
      const open = templates.at(-1);
      if (open !== undefined && char === '{') templates[templates.length - 1] = open + 1;
      if (open !== undefined && char === '}') {
        if (open === 0) {
          templates.pop();
          at++;
          skipTemplate();
          continue;
        }
        templates[templates.length - 1] = open - 1;
      }
      at++;
    }
  }
  return { text, withoutComments: blank(text, comments), code: blank(text, [...comments, ...literals]) };
}

/** 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

type Span = readonly [start: number, end: number];

function blank(text: string, spans: readonly Span[]): string {
  let result = '';
  let done = 0;
  for (const [start, end] of spans.toSorted((a, b) => a[0] - b[0])) {
    result += text.slice(done, start) + text.slice(start, end).replaceAll(/[^\n]/g, ' ');
    done = end;
  }
  return result + text.slice(done);
}

function startsRegExp(text: string, at: number, comments: readonly Span[]): boolean {
  let end = at;
  for (;;) {
    while (end > 0 && /\s/.test(text.charAt(end - 1))) end--;
    const comment = comments.findLast((span) => span[1] === end && span[1] > span[0]);
    if (comment === undefined) break;
    end = comment[0];
  }
  const before = text.slice(Math.max(0, end - 12), end);
  return before === '' || !/[\w$)\]}'"`]$/.test(before) || BEFORE_REGEXP.test(before);
}

function endOfString(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function endOfRegExp(text: string, from: number): number {
  let inClass = false;
  let at = from;
  for (; at < text.length && text[at] !== '\n'; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) break;
  }
  return at;
}

function indexOr(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found;
}
