/** Which keys of the `etcd` block go together, and whether the files that it names are there. */
import { checkTlsFiles, checkUser } from './semantics-tls.ts';
import type { Subject } from './subject.ts';

export function checkEtcd(subject: Subject): void {
  const { file, places, faults } = subject;
  const { etcd } = file;
  if (etcd === undefined) return;
  checkUser('etcd', 'etcd-credentials', subject);
  if (places.written('etcd/password') && !places.written('etcd/username') && !places.lost('etcd/username')) {
    faults.add(places.keyAt('etcd/password'), 'etcd/password', {
      code: 'etcd-credentials',
      message: 'there is a password and no username',
      hint: 'etcd has no default user: write both',
    });
  }
  let first: string | undefined;
  for (const [i, endpoint] of (etcd.endpoints ?? []).entries()) {
    const path = `etcd/endpoints/${i}`;
    if (endpoint === undefined || places.tainted(path)) continue;
    first ??= endpoint;
    if (isTls(endpoint) === isTls(first)) continue;
    faults.add(places.valueAt(path), path, {
      code: 'etcd-tls',
      message: 'some of these endpoints are for TLS and some are not',
      hint: 'write https:// in all of them, or in none',
    });
  }
  if (etcd.tls === undefined) return;
  if (first !== undefined && !isTls(first)) {
    faults.add(places.keyAt('etcd/tls'), 'etcd/tls', {
      code: 'etcd-tls',
      message: 'there is a tls block, and the endpoints are for plain TCP',
      hint: 'write https:// in them',
    });
  }
  checkTlsFiles('etcd', etcd.tls, 'etcd-tls', subject);
}

const isTls = (endpoint: string): boolean => endpoint.startsWith('https:');
