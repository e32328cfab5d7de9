/** Numbers for people. Units stand after a narrow space that does not break. */

const GAP = '\u202f';
const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** @param {number} value @returns {string} 0, 0.4, 7.2, 83, 1,204, 12.3k, 4.1M */
export function amount(value) {
  if (value === 0) return '0';
  if (value < 0.05) return '<0.1';
  if (value < 9.95) return value.toFixed(1);
  if (value < 9_999.5) return whole.format(value);
  if (value < 999_500) return `${short(value / 1e3)}k`;
  return `${short(value / 1e6)}M`;
}

/** @param {number} value */
function short(value) {
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** @param {number} value @returns {string} with all its digits */
export function count(value) {
  return whole.format(value);
}

/** @param {number} part @returns {string} 0 %, 0.4 %, 12 % */
export function percent(part) {
  const value = part * 100;
  const digits = value === 0 || value === 100 ? '0' : value < 0.1 ? '<0.1' : value > 99.9 ? '>99.9' : '';
  return `${digits === '' ? value.toFixed(value < 9.95 ? 1 : 0) : digits === '0' ? value.toFixed(0) : digits}${GAP}%`;
}

/** @param {number} seconds @returns {readonly [number: string, unit: string]} 45 µs, 1.2 ms, 340 ms, 1.4 s */
export function seconds(seconds) {
  if (seconds < 0.000_999_5) return [(seconds * 1e6).toFixed(0), 'µs'];
  if (seconds < 0.009_95) return [(seconds * 1e3).toFixed(1), 'ms'];
  if (seconds < 0.999_5) return [(seconds * 1e3).toFixed(0), 'ms'];
  return [seconds.toFixed(1), 's'];
}

/** @param {number} time @returns {string} */
export function secondsText(time) {
  return seconds(time).join(GAP);
}

/** @param {number} ms @returns {string} the two largest units: 12 s, 4 min, 3 h 12 min, 5 d 2 h */
export function span(ms) {
  const total = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(total / 60);
  const hours = Math.floor(minutes / 60);
  if (total < 60) return `${total}${GAP}s`;
  if (minutes < 60) return `${minutes}${GAP}min`;
  if (hours < 24) return `${hours}${GAP}h ${minutes % 60}${GAP}min`;
  return `${Math.floor(hours / 24)}${GAP}d ${hours % 24}${GAP}h`;
}

/** @param {string} iso @param {string} now @returns {string} */
export function ago(iso, now) {
  return `${span(Date.parse(now) - Date.parse(iso))} ago`;
}

/** @param {number} n @param {string} one @param {string} [many] */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
