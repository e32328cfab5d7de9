/** What the benchmark knows of a gateway under test. */

/** What a contestant is started with. */
export interface Setting {
  /** Its own empty folder for configuration and temporary files. */
  readonly dir: string;
  readonly upstreamPort: number;
  readonly redisPort: number;
  /** Requests per key and hour; the key is the header x-api-key. */
  readonly limit: number;
}

export interface Running {
  readonly port: number;
  /** The process that was started; the work may be done by its children. */
  readonly pid: number;
  /** Decisions so far that were made without the count they should have asked; a gateway that cannot tell has none to give. */
  readonly unasked?: () => Promise<number>;
  stop(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  /** One line for the report: version and what is configured. */
  readonly about: string;
  /** Whether every decision that is not refused out of hand is made by Redis. */
  readonly asksRedis: boolean;
  /** Resolves when it answers requests. */
  start(setting: Setting): Promise<Running>;
}

/** The window that every contestant counts over. Longer than a run, so that no run sees a window end. */
export const WINDOW_SECONDS = 3_600;
