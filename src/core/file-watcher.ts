import { createHash } from 'node:crypto';
import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Clock, Timer } from './clock.ts';
import { reasonOf } from './errors.ts';
import type { Logger } from './logger.ts';

export interface FileWatcherOptions {
  readonly file: string;
  /** What the file is, for the log: `configuration file`. */
  readonly subject: string;
  /** The text that is in force; undefined: whatever the first look finds. */
  readonly text: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the new text when the content has changed, once for each content, never twice at a time. */
  readonly onChange: (text: string) => void | Promise<void>;
  /** How often to look even when nothing was reported, in milliseconds. Default 5000. */
  readonly pollMs?: number;
  /** How long to wait after a report for a writer to finish, in milliseconds. Default 100. */
  readonly debounceMs?: number;
}

/**
 * Watches a file: its directory, because a Kubernetes ConfigMap changes by swapping the symlink `..data` and
 * editors replace files by renaming, neither of which a watch on the file sees; and, slowly, the content itself, because a
 * watch can miss things (network file systems, links into other directories). Only a changed content counts.
 */
export class FileWatcher {
  readonly #options: FileWatcherOptions;
  readonly #file: string;
  readonly #directory: string;
  #digest: string | undefined;
  #watcher: FSWatcher | undefined;
  /** Inode of the watched directory: another one means that the directory was replaced, and the watch sees nothing. */
  #watched: bigint | undefined;
  #poll: Timer | undefined;
  #pending: Timer | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #missing = false;
  #closed = false;

  constructor(options: FileWatcherOptions) {
    this.#options = options;
    this.#file = resolve(options.file);
    this.#directory = dirname(this.#file);
    this.#digest = options.text === undefined ? undefined : digestOf(options.text);
  }

  /** Starts watching and looks once, so that a change since `text` was read is not lost. Resolves when it has looked. */
  async start(): Promise<void> {
    this.#poll = this.#options.clock.every(this.#options.pollMs ?? 5_000, () => {
      void this.look();
    });
    await this.look();
  }

  /** Looks now. Resolves when the content has been compared and, if it changed, handled. Never rejects. */
  look(): Promise<void> {
    if (this.#looking !== undefined) {
      this.#lookAgain = true;
      return this.#looking;
    }
    this.#looking = this.#lookUntilQuiet().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Stops watching. A change that is being handled is waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#poll?.cancel();
    this.#pending?.cancel();
    this.#unwatch();
    await this.#looking;
  }

  async #lookUntilQuiet(): Promise<void> {
    do {
      this.#lookAgain = false;
      await this.#rewatch();
      await this.#compare();
    } while (this.#lookAgain && !this.#closed);
  }

  async #compare(): Promise<void> {
    const { logger, onChange, subject } = this.#options;
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if (!this.#missing && !this.#closed) {
        logger.warn({ file: this.#file, reason: reasonOf(error) }, `the ${subject} is gone; what was loaded stays`);
      }
      this.#missing = true;
      return;
    }
    this.#missing = false;
    const digest = digestOf(text);
    if (this.#closed || digest === this.#digest) return;
    const first = this.#digest === undefined;
    this.#digest = digest;
    if (first) return;
    try {
      await onChange(text);
    } catch (error) {
      logger.error({ file: this.#file, reason: reasonOf(error) }, `a change of the ${subject} could not be handled`);
    }
  }

  /** Sees to it that the directory that is there now is the one being watched. */
  async #rewatch(): Promise<void> {
    const inode = await stat(this.#directory, { bigint: true }).then(
      (found) => found.ino,
      () => undefined,
    );
    if (this.#closed || (this.#watcher !== undefined && inode === this.#watched)) return;
    this.#unwatch();
    if (inode === undefined) return;
    try {
      const watcher = watch(this.#directory, { persistent: false }, (_event, name) => this.#noticed(name));
      watcher.on('error', () => this.#unwatch());
      this.#watcher = watcher;
      this.#watched = inode;
    } catch (error) {
      // Out of inotify watches, or a file system without them: the poll goes on.
      this.#options.logger.debug(
        { reason: reasonOf(error) },
        `the directory of the ${this.#options.subject} cannot be watched; polling only`,
      );
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
  }

  #noticed(name: string | null): void {
    // Names that start with two dots are how Kubernetes swaps a whole volume.
    if (name !== null && name !== basename(this.#file) && !name.startsWith('..')) return;
    if (this.#closed || this.#pending !== undefined) return;
    this.#pending = this.#options.clock.after(this.#options.debounceMs ?? 100, () => {
      this.#pending = undefined;
      void this.look();
    });
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
