/** Where in the file each setting stands, by path (`limits/per-client/rate/0`), and which settings have faults. */
export class Places {
  readonly #values = new Map<string, number>();
  readonly #keys = new Map<string, number>();
  readonly #references = new Map<string, string>();
  readonly #tainted = new Set<string>();
  readonly #lost = new Set<string>();

  setValue(path: string, offset: number): void {
    this.#values.set(path, offset);
  }
  setKey(path: string, offset: number): void {
    this.#keys.set(path, offset);
  }
  /** `text` is how the value is written when it came from the environment. */
  setReference(path: string, text: string): void {
    this.#references.set(path, text);
  }

  /** Marks a setting and all that it is part of as faulty: nothing is to be concluded from them. */
  taint(path: string): void {
    this.#tainted.add(path);
    for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) {
      this.#tainted.add(path.slice(0, at));
      if (at === 0) break;
    }
    this.#tainted.add('');
  }
  tainted(path: string): boolean {
    return this.#tainted.has(path);
  }

  /** Marks a setting of which a part, or the whole, is written in a way that could not be read as such. */
  lose(path: string): void {
    this.#lost.add(path);
  }
  /** Whether there may be more to the setting than was read: then nothing is to be called missing in it. */
  lost(path: string): boolean {
    return this.#lost.has(path);
  }

  /** Whether the file says it, rather than a default. */
  written(path: string): boolean {
    return this.#values.has(path);
  }
  /** Where the value of a setting stands, or what it is part of. */
  valueAt(path: string): number {
    return this.#values.get(path) ?? this.#up(path, (p) => this.valueAt(p));
  }
  /** Where the key of a setting stands; for entries of a list, their value. */
  keyAt(path: string): number {
    return this.#keys.get(path) ?? this.#values.get(path) ?? this.#up(path, (p) => this.keyAt(p));
  }
  /** `value` for a message: as written when it came from the environment, because what it holds may be secret. */
  show(path: string, value: string): string {
    return this.#references.get(path) ?? `"${value}"`;
  }

  #up(path: string, find: (path: string) => number): number {
    const slash = path.lastIndexOf('/');
    return slash < 0 ? 0 : find(path.slice(0, slash));
  }
}
