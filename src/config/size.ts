const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const PATTERN = /^(\d+) ?(B|KiB|MiB|GiB)?$/;

/** What a size looks like in a configuration, for messages. */
export const SIZE_HINT = 'a size is a number of bytes, or 16KiB, 1MiB, 2GiB';

/** Bytes of `16KiB`, `1MiB`, `1024`; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (UNITS[match[2] ?? 'B'] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact spelling: 16384 → `16KiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    const size = UNITS[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}`;
}
