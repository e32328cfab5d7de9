import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { reasonOf } from '../core/errors.ts';

export type PemReading = { readonly text: string } | { readonly fault: string };

/** Bundles of all public authorities have a few hundred KiB. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The files that one configuration names. PEM files are read once, so that what was checked is what is used. */
export class PemFiles {
  readonly #directory: string;
  readonly #read = new Map<string, PemReading>();

  /** @param directory where relative paths start */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where a file is that the configuration names. */
  resolve(path: string): string {
    return resolve(this.#directory, path);
  }

  /** Why a file that is not PEM cannot be read; undefined when it can. */
  unreadable(path: string): string | undefined {
    const reading = readText(this.resolve(path), 'a list');
    return 'fault' in reading ? reading.fault : undefined;
  }

  /** The file's text, or what is wrong with it. */
  read(path: string, holds: 'certificate' | 'key'): PemReading {
    const known = this.#read.get(path);
    const reading = known ?? readText(this.resolve(path), 'a PEM file');
    if (known === undefined) this.#read.set(path, reading);
    if ('fault' in reading) return reading;
    const fault = holds === 'key' ? keyFault(reading.text) : certificateFault(reading.text);
    return fault === undefined ? reading : { fault };
  }

  /** The text of a file that was read and found sound. */
  text(path: string): string | undefined {
    const reading = this.#read.get(path);
    return reading !== undefined && 'text' in reading ? reading.text : undefined;
  }
}

/** Whether the key belongs to the certificate; both sound. */
export function belongTogether(certificate: string, key: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

function readText(file: string, kind: string): PemReading {
  try {
    const found = statSync(file);
    if (found.isDirectory()) return { fault: 'cannot be read: it is a directory' };
    if (!found.isFile()) return { fault: 'cannot be read: it is no regular file' };
    if (found.size > MAX_BYTES) return { fault: `is too large to be ${kind}` };
    return { text: readFileSync(file, 'latin1') };
  } catch (error) {
    return { fault: `cannot be read: ${unreadableReason(error)}` };
  }
}

function certificateFault(text: string): string | undefined {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) return 'holds no certificate in PEM form';
  try {
    new X509Certificate(text);
    return undefined;
  } catch {
    return 'holds a damaged certificate';
  }
}

function keyFault(text: string): string | undefined {
  if (/ENCRYPTED/.test(text)) return 'holds an encrypted key, which nobody could unlock at start';
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(text)) return 'holds no private key in PEM form';
  try {
    createPrivateKey(text);
    return undefined;
  } catch {
    return 'holds a damaged private key';
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of the path is not a directory',
};

/** Why a file could not be read, in words. */
export function unreadableReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? reasonOf(error);
}
