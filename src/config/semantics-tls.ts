/** Whether credentials and TLS settings towards servers go together, and whether the files that they name are there. */
import type { FaultCode } from './faults.ts';
import { belongTogether } from './pem-files.ts';
import type { TlsShape } from './schema-tls.ts';
import type { Subject } from './subject.ts';

/** @param block path of the block that has the `tls` block: `redis` */
export function checkTlsFiles(block: string, tls: TlsShape, code: FaultCode, { places, faults, pem }: Subject): void {
  const fault = (path: string, message: string, hint: string): void =>
    faults.add(places.keyAt(path), path, { code, message, hint });
  for (const [one, other] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ] as const) {
    const path = `${block}/tls/${one}`;
    if (!places.written(path)) continue;
    if (places.written(`${block}/tls/${other}`) || places.lost(`${block}/tls/${other}`)) continue;
    fault(path, `there is a ${one} and no ${other}`, 'a certificate and its key go together');
  }
  const texts: { cert?: string; key?: string } = {};
  for (const key of ['ca', 'cert', 'key'] as const) {
    const path = `${block}/tls/${key}`;
    const file = tls[key];
    if (file === undefined || places.tainted(path)) continue;
    const reading = pem.read(file, key === 'key' ? 'key' : 'certificate');
    if ('fault' in reading) {
      const message = `${places.show(path, file)} ${reading.fault}`;
      faults.add(places.valueAt(path), path, { code: 'bad-file', message });
    } else if (key !== 'ca') texts[key] = reading.text;
  }
  const { cert, key } = texts;
  if (cert === undefined || key === undefined || belongTogether(cert, key)) return;
  fault(`${block}/tls/key`, 'the key belongs to another certificate', 'cert and key must be one pair');
}

/** A user without a password. */
export function checkUser(block: string, code: FaultCode, { places, faults }: Subject): void {
  const path = `${block}/username`;
  if (!places.written(path) || places.written(`${block}/password`) || places.lost(`${block}/password`)) return;
  faults.add(places.keyAt(path), path, {
    code,
    message: 'there is a username and no password',
    hint: 'a user that needs no password takes any',
  });
}
