/** Numbers for people: three digits that count, and a unit. The same everywhere, whatever the machine's language. */

/** At most three significant digits, no exponent, no needless zeros. */
function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const LARGE = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** `0`, `0.25`, `12.3`, `999`, `1.2k`, `3.45M` */
export function showCount(value: number): string {
  if (Math.abs(value) < 0.0005) return '0';
  let [scaled, at] = [Number(value.toPrecision(3)), 0];
  while (Math.abs(scaled) >= 1_000 && at < LARGE.length - 1) {
    scaled /= 1_000;
    at += 1;
  }
  return threeDigits(scaled) + LARGE[at];
}

/** `0 %`, `0.012 %`, `4.5 %`, `120 %`, `99.9k %` */
export function showPart(part: number): string {
  const percent = part * 100;
  return `${Math.abs(percent) < 0.0005 ? '0' : showCount(percent)} %`;
}

/** `0`, `450 ns`, `12.3 µs`, `4.5 ms`, `1.2 s`, `150 s` */
export function showSeconds(seconds: number): string {
  if (seconds <= 0) return '0';
  for (const [unit, name] of UNITS) {
    const scaled = Number((seconds / unit).toPrecision(3));
    if (scaled >= 1) return `${unit === 1 ? showCount(scaled) : threeDigits(scaled)} ${name}`;
  }
  return '0';
}

const UNITS = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
  [1e-9, 'ns'],
] as const;

/** `0 B`, `512 B`, `1.2 kB`, `3.45 MB` */
export function showBytes(bytes: number): string {
  const text = showCount(bytes);
  return /[kMGTP]$/.test(text) ? `${text.slice(0, -1)} ${text.slice(-1)}B` : `${text} B`;
}

/** Exact as long as that is short: `2`, `1024`, `10k` */
export function showHosts(hosts: number): string {
  return hosts < 10_000 ? String(hosts) : showCount(hosts);
}

/** A whole number in groups of three: `1,234,567` */
export function showWhole(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}
