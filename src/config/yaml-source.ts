import type { Alias, Document, Node, ParsedNode, YAMLError } from 'yaml';
import { isAlias, isCollection, isScalar, parseAllDocuments, visit } from 'yaml';
import type { FaultList, Problem } from './faults.ts';

/** A parsed YAML text. */
export interface YamlSource {
  readonly root: Node | undefined;
  /** What each alias stands for. */
  readonly aliases: ReadonlyMap<Alias, Node>;
  /** Where the first syntax error is: what comes after cannot be relied on. Infinity without one. */
  readonly brokenFrom: number;
}

/** What to say for each of the parser's error codes. Own words, because the parser's quote the text, secrets included. */
const SYNTAX: Readonly<Record<string, Omit<Problem, 'code'>>> = {
  BAD_COLLECTION_TYPE: { message: 'this YAML tag does not fit its value' },
  BAD_DIRECTIVE: { message: 'this YAML directive is not known', hint: 'a line that starts with % is a directive' },
  BAD_DQ_ESCAPE: { message: 'this escape sequence does not exist', hint: "write \\\\ for a backslash, or use '…'" },
  BAD_INDENT: { message: 'the indentation is wrong here', hint: 'keys of one map start in one column' },
  BAD_PROP_ORDER: { message: 'an anchor or tag is in the wrong place' },
  BAD_SCALAR_START: { message: 'a plain value cannot start with this character', hint: 'put the value in quotes' },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a map or list cannot start here',
    hint: 'check the indentation, and quote a value that holds ": "',
  },
  BLOCK_IN_FLOW: { message: 'indented maps and lists cannot be inside { } or [ ]' },
  KEY_OVER_1024_CHARS: { message: 'a key is longer than 1024 characters' },
  MISSING_CHAR: {
    message: 'a character is missing here',
    hint: 'a key is followed by ": ", an entry of [ ] or { } by ","',
  },
  MULTILINE_IMPLICIT_KEY: { message: 'a key has to stand on one line', hint: 'is a ":" missing?' },
  UNEXPECTED_TOKEN: { message: 'this is not expected here', hint: 'check quotes, brackets and indentation' },
};

/** The commonest cause by far is a pattern such as *.example.com without its quotes. */
export const BAD_ALIAS: Problem = {
  code: 'bad-alias',
  message: 'a plain value that starts with * is a YAML alias, and no anchor has this name before it',
  hint: 'put a pattern in quotes: "*…"',
};

/**
 * Parses `text`. A syntax error hides what follows it, and the parser then often reports several more: only the first is
 * reported, and the structure is to be relied on up to there.
 */
export function parseYaml(text: string, faults: FaultList): YamlSource {
  const nothing = { root: undefined, aliases: new Map(), brokenFrom: 0 };
  let documents: readonly Document.Parsed<ParsedNode>[];
  try {
    // Duplicate keys are found by our own reader, which can say where the first one is.
    const parsed = parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false, version: '1.2', strict: true });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch {
    faults.add(0, '', { code: 'syntax', message: 'this is not YAML' });
    return nothing;
  }
  const [document, second] = documents;
  const root = document?.contents ?? undefined;
  const deep = firstTooDeep(root);
  if (deep !== undefined) {
    faults.add(deep, '', {
      code: 'too-deep',
      message: 'values are nested too deeply',
      hint: 'no setting is this deep',
    });
    return nothing;
  }
  const first = documents.flatMap((d) => [...d.errors, ...d.warnings]).sort((a, b) => a.pos[0] - b.pos[0])[0];
  if (first !== undefined) reportSyntax(first, text, root, faults);
  else if (second !== undefined) {
    const at = text.lastIndexOf('---', second.contents?.range[0] ?? text.length);
    faults.add(at < 0 ? text.length : at, '', {
      code: 'several-documents',
      message: 'the file holds a second YAML document',
      hint: 'a configuration is one document; remove the --- line',
    });
    return nothing;
  } else if (root === undefined || (isScalar(root) && root.value === null)) {
    faults.add(0, '', {
      code: 'empty',
      message: 'the configuration is empty',
      hint: 'it needs at least upstreams and routes',
    });
    return nothing;
  }
  return {
    root,
    aliases: document === undefined ? new Map() : resolveAliases(document),
    brokenFrom: first?.pos[0] ?? Number.POSITIVE_INFINITY,
  };
}

function reportSyntax(error: YAMLError, text: string, root: Node | undefined, faults: FaultList): void {
  const at = error.pos[0];
  switch (error.code) {
    case 'TAB_AS_INDENT':
      faults.add(at, '', { code: 'tab', message: 'a tab indents this line', hint: 'YAML is indented with spaces' });
      return;
    case 'BAD_ALIAS':
      faults.add(at, '', BAD_ALIAS);
      return;
    case 'TAG_RESOLVE_FAILED':
      faults.add(at, '', {
        code: 'unknown-tag',
        message: 'this YAML tag has no meaning in a configuration',
        hint: 'quote a value that starts with !',
      });
      return;
    default: {
      const open = unclosed(text, root, at);
      if (open !== undefined) {
        faults.add(open, '', { code: 'syntax', message: `this ${text[open]} is never closed` });
      } else faults.add(at, '', { code: 'syntax', ...(SYNTAX[error.code] ?? { message: 'this is not YAML' }) });
    }
  }
}

/** Values and pairs from the top to the deepest that is read; the schema needs about a dozen. */
const DEEPEST = 100;

/** The first value nested too deeply. The parser has a bound of its own, but that one depends on the size of the stack. */
function firstTooDeep(root: Node | undefined): number | undefined {
  let found: number | undefined;
  if (root === undefined) return undefined;
  visit(root, {
    Node(_key, node, path) {
      if (path.length <= DEEPEST) return undefined;
      found = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return found;
}

/** Where the quote or bracket opens whose missing end the parser noticed at `at`. */
function unclosed(text: string, root: Node | undefined, at: number): number | undefined {
  let found: number | undefined;
  if (root === undefined) return undefined;
  visit(root, {
    Node(_key, node) {
      const range = node.range;
      if (range === null || range === undefined || range[0] >= at || range[1] < at) return undefined;
      const first = text[range[0]];
      const last = text[range[1] - 1];
      const quoted =
        isScalar(node) && (first === '"' || first === "'") && (last !== first || range[1] - range[0] === 1);
      const flow = isCollection(node) && node.flow === true;
      const open = flow && last !== (first === '{' ? '}' : ']');
      if (quoted || open) found = range[0];
      return undefined;
    },
  });
  return found;
}

/** An alias means the last anchor of its name before it. One walk in the order of the text, whatever the number of aliases. */
function resolveAliases(document: Document.Parsed<ParsedNode>): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const aliases = new Map<Alias, Node>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) aliases.set(node, target);
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return aliases;
}
