/** The bytes of a log: a file or standard input, compressed or not. */
import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { unreadableReason } from '../config/pem-files.ts';
import { SluiceError } from '../core/errors.ts';

/** Bytes of all files together; undefined when one is standard input or another stream. */
export function sizeOf(files: readonly string[]): number | undefined {
  let sum = 0;
  for (const file of files) {
    if (file === '-') return undefined;
    try {
      const stats = statSync(file);
      if (stats.isDirectory()) throw new SluiceError('SLUICE_USAGE', `${file} is a directory`);
      if (!stats.isFile()) return undefined;
      sum += stats.size;
    } catch (error) {
      throw error instanceof SluiceError ? error : unreadable(file, error);
    }
  }
  return sum;
}

export interface Piece {
  readonly bytes: Uint8Array;
  /** Bytes of the file so far, compressed where it is. */
  readonly read: number;
}

/**
 * What the file holds, piece by piece; gzip is recognised by its first bytes.
 * @returns why it ended early: damaged or cut off gzip; undefined: it did not
 * @throws SluiceError SLUICE_USAGE when it cannot be read
 */
export async function* piecesOf(file: string): AsyncGenerator<Piece, string | undefined> {
  const source: Readable = file === '-' ? process.stdin : createReadStream(file);
  let read = 0;
  let unzip: ReturnType<typeof createGunzip> | undefined;
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const next = async (): Promise<Buffer | undefined> => {
    try {
      const { value, done } = await iterator.next();
      if (done === true) return undefined;
      read += value.length;
      return value;
    } catch (error) {
      throw unreadable(file, error);
    }
  };
  try {
    let head = await next();
    // A pipe may hand out a single byte.
    while (head !== undefined && head.length < 2) {
      const more = await next();
      if (more === undefined) break;
      head = Buffer.concat([head, more]);
    }
    if (head === undefined) return undefined;
    if (head[0] !== 0x1f || head[1] !== 0x8b) {
      for (let piece: Buffer | undefined = head; piece !== undefined; piece = await next())
        yield { bytes: piece, read };
      return undefined;
    }
    const gunzip = createGunzip();
    unzip = gunzip;
    let broken: unknown;
    const feeding = feed(gunzip, head, next).catch((error: unknown) => {
      broken = error;
      gunzip.destroy();
    });
    try {
      for await (const piece of gunzip) yield { bytes: piece as Buffer, read };
    } catch (error) {
      if (broken === undefined) return `the gzip ends early or is damaged: ${unreadableReason(error)}`;
    }
    await feeding;
    if (broken !== undefined) throw broken;
    return undefined;
  } finally {
    unzip?.destroy();
    source.destroy();
  }
}

/** Waits while the other side is full; ends when it gives up. */
async function feed(
  gunzip: ReturnType<typeof createGunzip>,
  head: Buffer,
  next: () => Promise<Buffer | undefined>,
): Promise<void> {
  for (let piece: Buffer | undefined = head; piece !== undefined; piece = await next()) {
    if (gunzip.destroyed) return;
    if (gunzip.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        gunzip.off('drain', done);
        gunzip.off('close', done);
        resolve();
      };
      gunzip.on('drain', done);
      gunzip.on('close', done);
    });
  }
  gunzip.end();
}

function unreadable(file: string, error: unknown): SluiceError {
  const name = file === '-' ? 'standard input' : file;
  return new SluiceError('SLUICE_USAGE', `${name} cannot be read: ${unreadableReason(error)}`, { cause: error });
}
