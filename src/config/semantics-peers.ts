/** Whether hosts can find, reach and trust each other, and whether what a limit's sharing needs is there. */

import { formatRate } from '../core/rate.ts';
import { isReplicated } from '../core/sharings.ts';
import { isLoopback, isWildcard } from './addresses.ts';
import { sharingOf } from './build.ts';
import type { FaultCode } from './faults.ts';
import type { LimitShape } from './schema-limits.ts';
import type { PeersShape } from './schema-peers.ts';
import type { Subject } from './subject.ts';

const WAYS = ['file', 'registry', 'dns'] as const;

export function checkPeers(subject: Subject): void {
  const { peers } = subject.file;
  if (peers === undefined) return;
  checkReach(peers, subject);
  checkDiscovery(peers, subject);
}

function checkReach(peers: PeersShape, { places, faults }: Subject): void {
  const sound = (key: 'listen' | 'advertise') => (places.tainted(`peers/${key}`) ? undefined : peers[key]);
  const fault = (key: string, code: FaultCode, message: string, hint: string): void =>
    faults.add(places.valueAt(`peers/${key}`), `peers/${key}`, { code, message, hint });
  const [listen, advertise] = [sound('listen'), sound('advertise')];
  if (listen === undefined) return;
  const secretless = !places.written('peers/secret') && !places.lost('peers/secret');
  if (secretless && !isLoopback(listen.host)) {
    fault(
      'listen',
      'open-peers',
      'other machines can reach this listener, and there is no secret',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
      'add secret: ${SLUICE_PEER_SECRET}, the same on all hosts, or listen on 127.0.0.1',
    );
  }
  if (listen.port === 0) {
    fault(
      'listen',
      'bad-advertise',
      'peers.listen has port 0, and other hosts have to know the port',
      'for example 7946',
    );
  }
  if (advertise === undefined) {
    if (!isWildcard(listen.host) || places.written('peers/advertise') || places.lost('peers/advertise')) return;
    const hint = `add advertise: the address that other hosts use for this one, for example 10.1.2.3:${listen.port}`;
    fault('listen', 'bad-advertise', 'peers.listen takes every address of this machine, and none is advertised', hint);
  } else if (isWildcard(advertise.host) || advertise.port === 0) {
    const what = advertise.port === 0 ? 'port 0 is nobody’s' : 'no other host can reach this one at that address';
    fault('advertise', 'bad-advertise', what, 'the address that other hosts use for this one');
  } else if (isLoopback(advertise.host) && !isLoopback(listen.host) && !isWildcard(listen.host)) {
    const hint = 'the address that other hosts use for this one';
    fault('advertise', 'bad-advertise', 'only this machine can reach that address, and nothing listens there', hint);
  }
}

function checkDiscovery(peers: PeersShape, subject: Subject): void {
  const { places, faults, pem } = subject;
  const { discovery } = peers;
  if (discovery === undefined) return;
  const [first, ...others] = WAYS.filter((way) => places.written(`peers/discovery/${way}`));
  const hint = 'file is a list of hosts, registry a list in redis or etcd, dns a name: keep one of them';
  for (const other of others) {
    const path = `peers/discovery/${other}`;
    const message = `discovery has ${first} and ${other}`;
    faults.add(places.keyAt(path), path, { code: 'peers-discovery', message, hint });
  }
  if (first === undefined && !WAYS.some((way) => places.lost(`peers/discovery/${way}`))) {
    const message = 'discovery names no way to find other hosts';
    const example = 'one of file, registry and dns; for example file: peers.txt';
    faults.add(places.keyAt('peers/discovery'), 'peers/discovery', { code: 'peers-discovery', message, hint: example });
  }
  const { file, registry } = discovery;
  if (file !== undefined && !places.tainted('peers/discovery/file')) {
    const unreadable = pem.unreadable(file);
    if (unreadable !== undefined) {
      const path = 'peers/discovery/file';
      faults.add(places.valueAt(path), path, {
        code: 'bad-file',
        message: `${places.show(path, file)} ${unreadable}`,
        hint: 'a list of hosts, one host:port a line',
      });
    }
  }
  if (registry !== undefined) needs(registry, 'peers/discovery/registry', `registry: ${registry}`, subject);
}

const ADD = {
  redis: 'add redis: { url: redis://127.0.0.1:6379 }',
  etcd: 'add etcd: { endpoints: [http://127.0.0.1:2379] }',
  peers: 'add a peers block (docs/sharing.md shows one)',
} as const;

/** Whether the block is there that the setting at `path`, which says `what`, depends on. */
function needs(block: keyof typeof ADD, path: string, what: string, { places, faults }: Subject): void {
  if (places.written(block) || places.lost(block) || places.tainted(path)) return;
  const article = block === 'etcd' ? 'an' : 'a';
  faults.add(places.valueAt(path), path, {
    code: `no-${block}`,
    message: `${what} needs ${article} ${block} block, and there is none`,
    hint: what.startsWith('sharing') ? `${ADD[block]}, or sharing: local` : ADD[block],
  });
}

/** What the sharing of a limit needs of the rest of the file. */
export function checkSharing(limit: LimitShape, path: string, subject: Subject): void {
  const sharing = sharingOf(limit, false);
  const at = `${path}/sharing`;
  if (sharing === 'redis') needs('redis', at, 'sharing: redis', subject);
  if (!isReplicated(sharing)) return;
  needs('peers', at, `sharing: ${sharing}`, subject);
  if (sharing === 'leader') needs('etcd', at, 'sharing: leader', subject);
  checkWindows(limit, path, subject);
}

function checkWindows(limit: LimitShape, path: string, { file, places, faults }: Subject): void {
  if (limit.algorithm === 'concurrency') {
    faults.add(places.valueAt(`${path}/sharing`), `${path}/sharing`, {
      code: 'concurrency-sharing',
      message: `requests in flight cannot be shared through ${limit.sharing}`,
      hint: 'they are held, not counted: sharing: redis, or local for each instance by itself',
    });
    return;
  }
  if (file.peers === undefined || places.tainted('peers/interval')) return;
  const { interval } = file.peers;
  for (const [i, rate] of (limit.rate ?? []).entries()) {
    if (rate.windowMs >= 2 * interval) continue;
    const listed = `${path}/rate/${i}`;
    const where = places.written(listed) ? listed : `${path}/rate`;
    faults.add(places.valueAt(where), where, {
      code: 'slow-interval',
      message: `the window of ${formatRate(rate)} is over before other hosts have heard of its counts`,
      hint: `counts are told every ${interval}ms: a window of ${2 * interval}ms or more, a shorter peers.interval, or sharing: redis`,
    });
  }
}
