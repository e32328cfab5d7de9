import { normalisePath } from './path.ts';

/** What a route must look like to be found. */
export interface RouteMatcher {
  readonly match: {
    readonly host: string | undefined;
    readonly path: string | undefined;
    readonly methods: readonly string[] | undefined;
  };
}

interface Entry<R> {
  readonly route: R;
  /** `.example.com` of `*.example.com`; '' when the host was already looked up or does not matter. */
  readonly hostSuffix: string;
  /** The path, or the prefix without its `/*`; '' with `prefix` matches everything. */
  readonly path: string;
  readonly prefix: boolean;
  readonly methods: ReadonlySet<string> | undefined;
}

/** Candidates by the first segment of the path, each list in the order of the configuration. */
interface SegmentIndex<R> {
  readonly bySegment: ReadonlyMap<string, readonly Entry<R>[]>;
  readonly others: readonly Entry<R>[];
}

/** Finds the first route that matches; looks at the few whose host and first path segment fit, not at all of them. */
export class RouteTable<R extends RouteMatcher> {
  readonly #byHost = new Map<string, SegmentIndex<R>>();
  readonly #otherHosts: SegmentIndex<R>;

  constructor(routes: readonly R[]) {
    const exact = new Set<string>();
    for (const { match } of routes) if (match.host !== undefined && !match.host.startsWith('*.')) exact.add(match.host);
    for (const host of exact)
      this.#byHost.set(
        host,
        index(
          routes.filter((route) => fits(route, host)),
          false,
        ),
      );
    this.#otherHosts = index(
      routes.filter(({ match }) => match.host === undefined || match.host.startsWith('*.')),
      true,
    );
  }

  /** @param path normalised for matching, or `*` */
  find(method: string, host: string, path: string): R | undefined {
    const { bySegment, others } = this.#byHost.get(host) ?? this.#otherHosts;
    let candidates = others;
    if (bySegment.size > 0) {
      const slash = path.indexOf('/', 1);
      candidates = bySegment.get(slash === -1 ? path.slice(1) : path.slice(1, slash)) ?? others;
    }
    for (const entry of candidates) if (accepts(entry, method, host, path)) return entry.route;
    return undefined;
  }
}

function fits({ match }: RouteMatcher, host: string): boolean {
  if (match.host === undefined || match.host === host) return true;
  return match.host.startsWith('*.') && endsBelow(host, match.host.slice(1));
}

function endsBelow(host: string, suffix: string): boolean {
  return host.length > suffix.length && host.endsWith(suffix);
}

function accepts<R>(entry: Entry<R>, method: string, host: string, path: string): boolean {
  if (entry.methods !== undefined && !entry.methods.has(method)) return false;
  if (entry.hostSuffix !== '' && !endsBelow(host, entry.hostSuffix)) return false;
  const own = entry.path;
  if (!entry.prefix) return path === own;
  return own === '' || (path.startsWith(own) && (path.length === own.length || path.charCodeAt(own.length) === 47));
}

function index<R extends RouteMatcher>(routes: readonly R[], checkHost: boolean): SegmentIndex<R> {
  const entries = routes.map((route) => compile(route, checkHost));
  const segments = new Set(entries.map(firstSegment).filter((segment) => segment !== undefined));
  const bySegment = new Map<string, Entry<R>[]>();
  for (const segment of segments) {
    bySegment.set(
      segment,
      entries.filter((entry) => (firstSegment(entry) ?? segment) === segment),
    );
  }
  return { bySegment, others: entries.filter((entry) => firstSegment(entry) === undefined) };
}

function firstSegment<R>(entry: Entry<R>): string | undefined {
  return entry.path === '' ? undefined : entry.path.split('/', 2)[1];
}

function compile<R extends RouteMatcher>(route: R, checkHost: boolean): Entry<R> {
  const { host, path, methods } = route.match;
  const prefix = path === undefined || path.endsWith('/*');
  const base = path === undefined ? '' : prefix ? path.slice(0, -2) : path;
  return {
    route,
    hostSuffix: checkHost && host !== undefined ? host.slice(1) : '',
    // A pattern is spelled like the paths that it is compared with.
    path: base === '' ? '' : (normalisePath(base)?.match ?? base),
    prefix,
    methods: methods === undefined ? undefined : new Set(methods),
  };
}
