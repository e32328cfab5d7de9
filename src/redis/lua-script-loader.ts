import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reasonOf, SluiceError } from '../core/errors.ts';

/** A script ready to send: EVALSHA by `sha`, EVAL with `source` when the server has forgotten it. */
export interface LuaScript {
  readonly name: string;
  readonly source: string;
  /** SHA-1 of `source` in hexadecimal, as EVALSHA wants it. */
  readonly sha: string;
}

/** The scripts that ship with Sluice; the same relative place from `src/` and from `dist/`. */
export const LUA_DIRECTORY = fileURLToPath(new URL('../../lua/', import.meta.url));

const INCLUDE = /^--- @include "([a-z0-9_-]+)"[ \t]*$/gm;
const HEADER = /^--\[\[(.*?)\]\]/s;

/**
 * Reads `lua/<name>.lua`, pastes in what its `--- @include "name"` lines name (from `lua/include/`, each once, what it
 * needs before it), and checks that its header says what KEYS and ARGV it takes and what it replies.
 * @throws SluiceError SLUICE_SCRIPT_INVALID naming the file and the fault
 */
export function loadScript(name: string, directory: string = LUA_DIRECTORY): LuaScript {
  const file = join(directory, `${name}.lua`);
  const text = read(file);
  const header = HEADER.exec(text)?.[1] ?? '';
  for (const word of ['KEYS', 'ARGV', 'Reply']) {
    if (!header.includes(word)) fault(file, `its header comment does not say what ${word} is`);
  }
  const source = resolveIncludes(text, file, directory, new Set(), []);
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

function resolveIncludes(text: string, file: string, directory: string, done: Set<string>, path: string[]): string {
  return text.replaceAll(INCLUDE, (_line, include: string) => {
    if (path.includes(include)) fault(file, `include "${include}" includes itself`);
    if (done.has(include)) return '';
    const includeFile = join(directory, 'include', `${include}.lua`);
    const body = resolveIncludes(read(includeFile), includeFile, directory, done, [...path, include]);
    done.add(include);
    return body;
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    fault(file, reasonOf(error));
  }
}

function fault(file: string, what: string): never {
  throw new SluiceError('SLUICE_SCRIPT_INVALID', `${file}: ${what}`);
}
