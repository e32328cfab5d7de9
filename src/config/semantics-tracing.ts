/** Which header fields the `tracing` block may set. */
import type { Subject } from './subject.ts';

/** Fields that say what is sent and how. */
const EXPORTERS_OWN: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
  'user-agent',
]);

export function checkTracing({ file, places, faults }: Subject): void {
  for (const name of Object.keys(file.tracing?.headers ?? {})) {
    const path = `tracing/headers/${name}`;
    if (places.tainted(path) || !EXPORTERS_OWN.has(name.toLowerCase())) continue;
    faults.add(places.keyAt(path), path, {
      code: 'tracing-header',
      message: `${name} says how spans are sent, and is not to be changed`,
      hint: 'remove it',
    });
  }
}
