/** Aliases and maps of a YAML text: what they stand for after anchors, merge keys and duplicates, within bounds. */
import type { Node, YAMLMap } from 'yaml';
import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { EnvMask } from './env.ts';
import type { Problem } from './faults.ts';
import type { YamlSource } from './yaml-source.ts';
import { BAD_ALIAS } from './yaml-source.ts';

/** Values that may be reached through aliases; far more than a real file has, far fewer than an alias bomb. */
const MOST_EXPANDED = 100_000;

/** One key of a map. */
export interface Entry {
  readonly keyAt: number;
  readonly value: Node | null;
}

type Report = (offset: number, path: string, problem: Problem) => unknown;

export class YamlMaps {
  readonly #source: YamlSource;
  readonly #mask: EnvMask;
  readonly #report: Report;
  /** Targets of the aliases that are being read now. */
  readonly #active = new Set<Node>();
  #expanded = 0;
  #exploded = false;

  constructor(source: YamlSource, mask: EnvMask, report: Report) {
    this.#source = source;
    this.#mask = mask;
    this.#report = report;
  }

  /** `read` on `node`, or on what it is an alias of; undefined when that is a fault (reported). */
  resolve<T>(node: Node, path: string, read: (node: Node) => T): T | undefined {
    if (this.#active.size > 0 && !this.#withinBounds(node, path)) return undefined;
    if (!isAlias(node)) return read(node);
    const at = node.range?.[0] ?? 0;
    const target = this.#source.aliases.get(node);
    if (target === undefined) {
      this.#report(at, path, BAD_ALIAS);
      return undefined;
    }
    if (this.#active.has(target)) {
      this.#report(at, path, { code: 'alias-loop', message: 'this alias is inside what it stands for' });
      return undefined;
    }
    this.#active.add(target);
    try {
      return this.resolve(target, path, read);
    } finally {
      this.#active.delete(target);
    }
  }

  #withinBounds(node: Node, path: string): boolean {
    if (++this.#expanded < MOST_EXPANDED) return true;
    if (!this.#exploded) {
      const hint = `at most ${MOST_EXPANDED} values may be reached through aliases`;
      this.#report(node.range?.[0] ?? 0, path, { code: 'alias-bomb', message: 'aliases expand to too much', hint });
    }
    this.#exploded = true;
    return false;
  }

  /** The keys of a map, its own before merged ones. `complete`: no key got lost to a fault. A second key of one name is a fault. */
  entries(map: YAMLMap, path: string): { readonly entries: ReadonlyMap<string, Entry>; readonly complete: boolean } {
    const own = new Map<string, Entry>();
    const merged: Node[] = [];
    let complete = true;
    for (const pair of map.items) {
      const key = pair.key as Node | null;
      const value = pair.value as Node | null;
      const keyAt = key?.range?.[0] ?? map.range?.[0] ?? 0;
      if (isScalar(key) && key.source === '<<' && key.type === 'PLAIN' && value !== null) {
        merged.push(value);
        continue;
      }
      const name = isScalar(key) && key.value !== null ? this.#mask.unmask(String(key.source ?? key.value)) : undefined;
      if (name === undefined) {
        this.#report(keyAt, path, { code: 'bad-key', message: 'a key has to be plain text' });
        complete = false;
      } else if (own.has(name)) {
        const hint = 'keep one of them';
        this.#report(keyAt, path, {
          code: 'duplicate-key',
          message: `"${name.slice(0, 60)}" is already set above`,
          hint,
        });
      } else own.set(name, { keyAt, value });
    }
    for (const value of merged) if (!this.#merge(value, own, path)) complete = false;
    return { entries: own, complete };
  }

  #merge(written: Node, into: Map<string, Entry>, path: string): boolean {
    const done = this.resolve(written, path, (node): boolean => {
      if (isSeq(node)) {
        let complete = true;
        for (const item of node.items as (Node | null)[]) {
          if (item !== null && !this.#merge(item, into, path)) complete = false;
        }
        return complete;
      }
      if (!isMap(node)) {
        const hint = '<<: *name, where &name marks a map';
        this.#report(node.range?.[0] ?? 0, path, { code: 'bad-merge', message: '<< can only merge maps', hint });
        return false;
      }
      const { entries, complete } = this.entries(node, path);
      this.#expanded += entries.size;
      for (const [key, entry] of entries) if (!into.has(key)) into.set(key, entry);
      return complete;
    });
    return done === true;
  }
}
