/** A certificate authority of a test's own, and a server certificate from it for 127.0.0.1. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireServer } from './servers.ts';

export interface Certificates {
  readonly dir: string;
  /** Files in `dir`: `ca.pem`, `server.pem`, `server.key`. The certificate is for 127.0.0.1 and `redis.test`. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  remove(): void;
}

/** Made with openssl; takes some 50 ms. */
export async function createCertificates(): Promise<Certificates> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-certificates-'));
  const openssl = (...args: readonly string[]) =>
    promisify(execFile)(requireServer('openssl'), args, { cwd: dir, timeout: 20_000 });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    ...['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority'],
  );
  await openssl('req', ...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=redis.test');
  writeFileSync(join(dir, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:redis.test\n');
  await openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-out', 'server.pem', '-days', '2', '-extfile', 'names'],
  );
  const file = (name: string): string => join(dir, name);
  return {
    dir,
    ca: file('ca.pem'),
    cert: file('server.pem'),
    key: file('server.key'),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
