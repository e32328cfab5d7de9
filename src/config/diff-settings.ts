/** How the settings of one thing are gathered, to be compared and shown. */
import { formatDuration } from '../core/duration.ts';
import type { Address } from './types.ts';

/** Settings of one thing: name → how it is shown. `null`: compared, never shown. */
export type Settings = ReadonlyMap<string, { readonly shown: string | null; readonly value: string }>;

export class SettingsBuilder {
  readonly map = new Map<string, { readonly shown: string | null; readonly value: string }>();
  /** Undefined values are left out. */
  show(name: string, value: string | number | boolean | undefined): this {
    if (value !== undefined) this.map.set(name, { shown: String(value), value: String(value) });
    return this;
  }
  hide(name: string, value: string | undefined): this {
    if (value !== undefined) this.map.set(name, { shown: null, value });
    return this;
  }
  time(name: string, ms: number): this {
    return this.show(name, formatDuration(ms));
  }
}

export const address = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

export const list = (items: readonly string[]): string =>
  items.length === 1 ? (items[0] ?? '') : `[${items.join(', ')}]`;
