/** The faults that only the whole file shows. Runs also when parts have faults: what is sound is checked, what is not is left alone. */
import { didYouMean } from '../core/suggest.ts';
import { canonicalHost, isLoopback, isWildcard } from './addresses.ts';
import { checkEtcd } from './semantics-etcd.ts';
import { checkLimit } from './semantics-limits.ts';
import { checkPeers, checkSharing } from './semantics-peers.ts';
import { checkRedis } from './semantics-redis.ts';
import { checkRoutes } from './semantics-routes.ts';
import { checkTracing } from './semantics-tracing.ts';
import type { Subject } from './subject.ts';
import type { Address } from './types.ts';

export function checkSemantics(subject: Subject): void {
  const { file, places } = subject;
  checkListeners(subject);
  checkRedis(subject);
  checkEtcd(subject);
  checkPeers(subject);
  checkTracing(subject);
  checkRoutes(subject);
  checkReferences(subject);
  for (const [name, limit] of Object.entries(file.limits ?? {})) {
    const path = `limits/${name}`;
    if (places.tainted(path) || limit === undefined) continue;
    checkLimit(limit, path, subject);
    checkSharing(limit, path, subject);
  }
}

function checkListeners(subject: Subject): void {
  const { file, places, faults } = subject;
  const { listen, admin } = file;
  const soundListen = places.tainted('listen') ? undefined : listen;
  const soundAdmin = places.tainted('admin') ? undefined : admin;
  if (soundAdmin !== undefined && soundAdmin.token === undefined && !isLoopback(soundAdmin.listen.host)) {
    faults.add(places.valueAt('admin/listen'), 'admin/listen', {
      code: 'open-admin',
      message: `the admin listener is reachable from other machines and has no token`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
      hint: 'add token: ${SLUICE_ADMIN_TOKEN}, or listen on 127.0.0.1',
    });
  }
  checkPeerPort(subject);
  if (soundListen === undefined) return;
  if (soundAdmin !== undefined && collide(soundListen, soundAdmin.listen)) {
    const path = places.written('admin/listen') || !places.written('listen') ? 'admin/listen' : 'listen';
    faults.add(places.valueAt(path), path, {
      code: 'same-port',
      message: `listen and admin both want port ${soundListen.port}`,
      hint: 'give one of them another port',
    });
  }
  for (const [name, upstream] of Object.entries(file.upstreams ?? {})) {
    for (const [i, server] of (upstream?.servers ?? []).entries()) {
      const path = `upstreams/${name}/servers/${i}`;
      if (server === undefined || places.tainted(path) || !pointsAt(server, soundListen)) continue;
      faults.add(places.valueAt(path), path, {
        code: 'upstream-loop',
        message: 'this server is the gateway itself: a request would go round for ever',
        hint: 'name the address of the service behind the gateway',
      });
    }
  }
}

/** Peers are listened to over TCP as well. */
function checkPeerPort({ file, places, faults }: Subject): void {
  const path = 'peers/listen';
  const peers = places.tainted(path) ? undefined : file.peers?.listen;
  if (peers === undefined) return;
  const others = [
    ['listen', places.tainted('listen') ? undefined : file.listen],
    ['admin', places.tainted('admin') ? undefined : file.admin?.listen],
  ] as const;
  for (const [name, other] of others) {
    if (other === undefined || !collide(peers, other)) continue;
    faults.add(places.valueAt(path), path, {
      code: 'same-port',
      message: `${name} and peers both want port ${peers.port}`,
      hint: 'give one of them another port',
    });
  }
}

/** Whether the system refuses to listen on both. */
function collide(a: Address, b: Address): boolean {
  if (a.port === 0 || a.port !== b.port) return false;
  return isWildcard(a.host) || isWildcard(b.host) || canonicalHost(a.host) === canonicalHost(b.host);
}

function pointsAt(server: string, listen: Address): boolean {
  const url = new URL(server);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  if (port !== listen.port) return false;
  const host = canonicalHost(url.hostname);
  return host === canonicalHost(listen.host) || (isWildcard(listen.host) && (isLoopback(host) || isWildcard(host)));
}

interface Kind {
  readonly section: 'upstreams' | 'limits';
  readonly noun: 'upstream' | 'limit';
}

/** Names that routes use and nothing defines, and names that are defined and nothing uses. */
function checkReferences(subject: Subject): void {
  const routes = subject.file.routes ?? [];
  const upstreams: [string, string][] = [];
  const limits: [string, string][] = [];
  for (const [i, route] of routes.entries()) {
    if (route === undefined) continue;
    if (route.upstream !== undefined) upstreams.push([`routes/${i}/upstream`, route.upstream]);
    for (const [k, limit] of (route.limits ?? []).entries()) {
      if (limit !== undefined) limits.push([`routes/${i}/limits/${k}`, limit]);
    }
  }
  checkKind(subject, { section: 'upstreams', noun: 'upstream' }, upstreams);
  checkKind(subject, { section: 'limits', noun: 'limit' }, limits);
}

function checkKind(
  { file, places, faults }: Subject,
  { section, noun }: Kind,
  uses: readonly [string, string][],
): void {
  const defined = Object.keys(file[section] ?? {});
  const known = new Set(defined);
  // A section with a fault of its own (a bad name, a failed merge, a misspelt heading) may define more than could be read.
  const lost = places.lost(section) || file[section] === undefined;
  let unknown = false;
  for (const [path, name] of uses) {
    // An entry that is in the list twice is already a fault.
    if (known.has(name) || places.tainted(path)) continue;
    unknown = true;
    if (lost) continue;
    faults.add(places.valueAt(path), path, {
      code: `unknown-${noun}`,
      message: `there is no ${noun} ${places.show(path, name)}`,
      hint: didYouMean(name, defined),
    });
  }
  // While a name is unknown, or a route could not be read, an unused name may be the one that was meant.
  const routesUnsound = !places.written('routes') || (file.routes ?? []).some((_, i) => places.tainted(`routes/${i}`));
  if (unknown || routesUnsound || file.routes === undefined) return;
  const used = new Set(uses.map(([, name]) => name));
  for (const name of defined) {
    if (used.has(name)) continue;
    faults.add(places.keyAt(`${section}/${name}`), `${section}/${name}`, {
      code: `unused-${noun}`,
      message: `nothing can reach the ${noun} "${name}": no route names it`,
      hint: `name it in a route, or remove it`,
    });
  }
}
