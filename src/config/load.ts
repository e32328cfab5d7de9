import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildConfig } from './build.ts';
import type { Env } from './env.ts';
import { EnvMask } from './env.ts';
import type { Fault, Problem } from './faults.ts';
import { FaultList } from './faults.ts';
import type { SchemaNode } from './fields.ts';
import { PemFiles, unreadableReason } from './pem-files.ts';
import { readBySchema } from './read.ts';
import type { FileShape } from './schema.ts';
import { FileSchema } from './schema.ts';
import { checkSemantics } from './semantics.ts';
import { formatSize } from './size.ts';
import type { Config } from './types.ts';
import { parseYaml } from './yaml-source.ts';

/** A configuration, or everything that is wrong with it in the order of the file. */
export type LoadResult = { readonly config: Config } | { readonly faults: readonly Fault[] };

/** A file's text beside what it loads as; the text is what `FileWatcher` compares with. */
export type FileLoadResult = LoadResult & { readonly text: string | undefined };

/** Longest configuration; room for some 100,000 overrides. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/**
 * Loads a configuration from its YAML text. Never throws. `fileName` starts every fault, and paths in the text start at its
 * directory. Blocks while it reads the files that the text names.
 */
export function loadConfig(text: string, fileName: string, env: Env): LoadResult {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const faults = new FaultList(fileName, plain);
  if (plain.length > MAX_CONFIG_BYTES) {
    faults.add(0, '', tooLarge);
    return { faults: faults.sorted() };
  }
  const pem = new PemFiles(dirname(fileName));
  const mask = new EnvMask(plain);
  const source = parseYaml(mask.masked, faults);
  const { value, places } = readBySchema(source, FileSchema as unknown as SchemaNode, mask, env, faults);
  if (source.brokenFrom === Number.POSITIVE_INFINITY && value !== undefined) {
    checkSemantics({ file: value as Partial<FileShape>, places, faults, pem });
  }
  return faults.empty ? { config: buildConfig(value as FileShape, pem) } : { faults: faults.sorted() };
}

/** What can be read of a configuration that has faults: the keys with faults are missing, as may be others. Never throws. */
export function readLeniently(text: string, fileName: string, env: Env): Partial<FileShape> | undefined {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const faults = new FaultList(fileName, plain);
  const mask = new EnvMask(plain);
  const { value } = readBySchema(
    parseYaml(mask.masked, faults),
    FileSchema as unknown as SchemaNode,
    mask,
    env,
    faults,
  );
  return value as Partial<FileShape> | undefined;
}

const tooLarge = {
  code: 'too-large',
  message: `the file is larger than ${formatSize(MAX_CONFIG_BYTES)}`,
} as const;

/** Loads a configuration file. Never throws: a file that cannot be read is a fault too. Blocks while it reads and parses. */
export function loadConfigFile(file: string, env: Env): FileLoadResult {
  const whole = (line: number, problem: Problem): FileLoadResult => ({
    faults: [{ file, line, column: Math.min(1, line), path: '', hint: undefined, ...problem }],
    text: undefined,
  });
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return whole(0, { code: 'unreadable', message: `cannot be read: ${unreadableReason(error)}` });
  }
  if (bytes.length > MAX_CONFIG_BYTES) return whole(1, tooLarge);
  if (!isUtf8(bytes)) {
    return whole(firstLineNotUtf8(bytes), {
      code: 'not-utf8',
      message: 'this line is not UTF-8',
      hint: 'save the file as UTF-8',
    });
  }
  const text = bytes.toString('utf8');
  return { ...loadConfig(text, file, env), text };
}

function firstLineNotUtf8(bytes: Buffer): number {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(10, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
