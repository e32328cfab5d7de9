/** Who may import whom. */
import { isBuiltin } from 'node:module';
import type { Import, SourceFile, Tree, Violation } from './source-tree.ts';
import { roomOf } from './source-tree.ts';

interface Room {
  /** Rooms that it may import from; itself always. `'*'` is every room. */
  readonly rooms: readonly string[] | '*';
  /** Single files of other rooms that it may import from. */
  readonly files?: readonly string[];
  /** The same, for `import type` only. */
  readonly types?: readonly string[];
}

/** ARCHITECTURE.md draws this table. A new folder under src/ needs a line here. */
const ROOMS: Readonly<Record<string, Room>> = {
  core: { rooms: [] },
  algorithms: { rooms: ['core'] },
  redis: { rooms: ['core'] },
  cluster: { rooms: ['core'] },
  metrics: { rooms: ['core'] },
  tracing: { rooms: ['core'] },
  config: { rooms: ['core'] },
  sharing: { rooms: ['core', 'algorithms', 'cluster'] },
  limiter: {
    rooms: ['core'],
    files: ['src/sharing/strategy.ts', 'src/config/types.ts'],
    types: ['src/algorithms/algorithm.ts'],
  },
  proxy: { rooms: ['core', 'limiter'] },
  admin: { rooms: ['core', 'limiter', 'config'] },
  lab: { rooms: ['core', 'algorithms', 'sharing', 'cluster', 'limiter'] },
  commands: { rooms: '*' },
  'demo-upstream.ts': { rooms: ['core'] },
  'app.ts': { rooms: '*' },
  'redis-engine.ts': { rooms: '*' },
  'peers-engine.ts': { rooms: '*' },
  'peers-discovery.ts': { rooms: '*' },
  'tracing-engine.ts': { rooms: '*' },
  'main.ts': { rooms: '*' },
};

/** The only strategies that know Redis. */
const REDIS_STRATEGY = /^src\/sharing\/redis[\w-]*\.ts$/;

/** What builds the whole; no room imports from these. */
const ROOTS = [
  'main.ts',
  'commands',
  'app.ts',
  'redis-engine.ts',
  'peers-engine.ts',
  'peers-discovery.ts',
  'tracing-engine.ts',
  'demo-upstream.ts',
];

/** Packages and who may know them; those of ROOTS may know all. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  ioredis: ['redis'],
  undici: ['proxy'],
  fastify: ['admin'],
  '@fastify/swagger': ['admin'],
  typebox: ['config', 'admin'],
  ajv: ['config'],
  yaml: ['config'],
  'fastest-levenshtein': ['core', 'config'],
  'ipaddr.js': ['core', 'config', 'proxy', 'admin', 'limiter'],
  '@prometheus-io/client': ['metrics'],
  pino: ['metrics'],
  '@opentelemetry/api': ['tracing'],
  '@opentelemetry/exporter-trace-otlp-proto': ['tracing'],
  '@opentelemetry/resources': ['tracing'],
  etcd3: ['cluster'],
  '@grpc/grpc-js': ['cluster'],
};

/** Built-in modules that a room must not know: strategies know no HTTP and no files, algorithms know no place at all. */
const FORBIDDEN_BUILTINS: Readonly<Record<string, RegExp>> = {
  algorithms: /./,
  sharing: /^(https?|http2|net|tls|dgram|fs|dns)(\/|$)/,
  limiter: /^(https?|http2|net|tls|dgram|fs|dns)(\/|$)/,
  config: /^(https|http2|tls|dgram)(\/|$)/,
  metrics: /^(https?|http2|net|tls|dgram|dns)(\/|$)/,
  tracing: /^(https?|http2|net|tls|dgram|dns|fs)(\/|$)/,
  redis: /^(https?|http2)(\/|$)/,
  cluster: /^(https?|http2)(\/|$)/,
};

export function importDirections(tree: Tree): Violation[] {
  return eachImport(tree, (file, wanted) => {
    if (wanted.specifier === '') return 'imports something that is not a literal, so nothing can be said about it';
    if (wanted.target === undefined) return packageFault(file, wanted);
    if (!tree.files.has(wanted.target)) return `imports ${wanted.specifier}, which is no file under src/`;
    return mayImport(file.path, wanted)
      ? undefined
      : `may not import ${wanted.target} (${allowance(roomOf(file.path))})`;
  });
}

export function noCycles(tree: Tree): Violation[] {
  const violations: Violation[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  const visit = (at: string): void => {
    state.set(at, 'open');
    path.push(at);
    for (const { target, line } of tree.files.get(at)?.imports ?? []) {
      if (target === undefined) continue;
      if (state.get(target) === 'open') {
        const circle = [...path.slice(path.indexOf(target)), target].join(' → ');
        violations.push({ file: at, line, rule: 'no import cycles', what: circle });
      } else if (!state.has(target) && tree.files.has(target)) visit(target);
    }
    path.pop();
    state.set(at, 'done');
  };
  for (const at of tree.files.keys()) if (!state.has(at)) visit(at);
  return violations;
}

/** Every package that src/ imports is a dependency, and every dependency is imported. */
export function dependenciesMatch(tree: Tree): Violation[] {
  const imported = new Set<string>();
  const violations = eachImport(
    tree,
    (_file, { specifier, target }) => {
      if (target !== undefined || specifier === '' || isBuiltin(specifier)) return undefined;
      const name = packageName(specifier);
      imported.add(name);
      return tree.dependencies.includes(name) ? undefined : `imports ${name}, which is not under dependencies`;
    },
    'dependencies are those imported',
  );
  for (const name of tree.dependencies) {
    if (imported.has(name)) continue;
    const what = `lists ${name} under dependencies, but src/ does not import it`;
    violations.push({ file: 'package.json', line: 1, rule: 'dependencies are those imported', what });
  }
  return violations;
}

function mayImport(from: string, { target = '', typeOnly }: Import): boolean {
  const [room, other] = [roomOf(from), roomOf(target)];
  if (room === other) return true;
  if (ROOTS.includes(other) && !ROOTS.includes(room)) return false;
  if (other === 'redis' && REDIS_STRATEGY.test(from)) return true;
  const allowed = ROOMS[room];
  if (allowed === undefined) return false;
  if (allowed.rooms === '*' || allowed.rooms.includes(other)) return true;
  return allowed.files?.includes(target) === true || (typeOnly && allowed.types?.includes(target) === true);
}

function allowance(room: string): string {
  const allowed = ROOMS[room];
  if (allowed === undefined) return `${room} is not in the table of rooms`;
  const types = (allowed.types ?? []).map((file) => `types of ${file}`);
  const list = [...(allowed.rooms === '*' ? ['all'] : allowed.rooms), ...(allowed.files ?? []), ...types];
  return `${room} → ${list.join(', ') || 'nobody'}`;
}

function packageFault(file: SourceFile, { specifier }: Import): string | undefined {
  const room = roomOf(file.path);
  if (isBuiltin(specifier)) {
    const name = specifier.replace(/^node:/, '');
    return FORBIDDEN_BUILTINS[room]?.test(name) === true ? `${room} may not know ${specifier}` : undefined;
  }
  if (ROOTS.includes(room)) return undefined;
  const owners = PACKAGES[packageName(specifier)] ?? [];
  return owners.includes(room)
    ? undefined
    : `${room} may not know ${specifier} (only ${[...owners, ...ROOTS].join(', ')})`;
}

/** `@scope/name/sub` → `@scope/name` */
function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function eachImport(
  tree: Tree,
  judge: (file: SourceFile, wanted: Import) => string | undefined,
  rule = 'import directions',
): Violation[] {
  const violations: Violation[] = [];
  for (const file of tree.files.values()) {
    for (const wanted of file.imports) {
      const what = judge(file, wanted);
      if (what !== undefined) violations.push({ file: file.path, line: wanted.line, rule, what });
    }
  }
  return violations;
}
