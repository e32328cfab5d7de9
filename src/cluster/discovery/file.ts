import { readFile } from 'node:fs/promises';
import type { Clock } from '../../core/clock.ts';
import { FileWatcher } from '../../core/file-watcher.ts';
import type { Logger } from '../../core/logger.ts';
import type { Discovery } from './discovery.ts';
import { parseHostList } from './host-list.ts';

export interface FileDiscoveryOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often to look although nothing was reported, milliseconds. Default 5000. */
  readonly pollMs?: number;
}

/** More faults of one file are counted only. */
const FAULTS_TOLD = 10;

/**
 * Hosts out of a file (see {@link parseHostList}), watched by its directory, so that a list is noticed however it is redeployed: written,
 * renamed over, or swapped as a Kubernetes ConfigMap is; and read again every few seconds, for what a watch misses.
 * Each bad line is told of once for each content of the file, and the others count. While the file cannot be read, what was
 * read before stays.
 */
export class FileDiscovery implements Discovery {
  readonly source = 'file';
  readonly #options: FileDiscoveryOptions;
  #watcher: FileWatcher | undefined;
  #known: string | undefined;

  constructor(options: FileDiscoveryOptions) {
    this.#options = options;
  }

  async start(found: (addresses: readonly string[]) => void): Promise<void> {
    const { file, clock, logger, pollMs } = this.#options;
    // The watcher says why, when it cannot be read.
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) this.#read(text, found);
    this.#watcher = new FileWatcher({
      file,
      subject: 'list of hosts',
      text: text ?? '',
      clock,
      logger,
      ...(pollMs === undefined ? {} : { pollMs }),
      onChange: (changed) => this.#read(changed, found),
    });
    await this.#watcher.start();
  }

  async stop(): Promise<void> {
    await this.#watcher?.close();
  }

  #read(text: string, found: (addresses: readonly string[]) => void): void {
    const { file, logger } = this.#options;
    const { addresses, faults } = parseHostList(text);
    for (const { line, message, hint } of faults.slice(0, FAULTS_TOLD)) {
      logger.warn({}, `${file}:${line}: ${message} (${hint})`);
    }
    const more = faults.length - FAULTS_TOLD;
    if (more > 0) logger.warn({}, `${file}: ${more} more lines name no host`);
    const sorted = [...addresses].sort().join();
    if (sorted === this.#known) return;
    logger.info({ file, hosts: addresses.length }, 'peers: the list of hosts has been read');
    this.#known = sorted;
    found(addresses);
  }
}
