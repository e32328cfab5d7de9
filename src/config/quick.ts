/** The configuration of the command line's short form: one upstream, one limit, no file. Checked exactly as a file is. */
import type { Env } from './env.ts';
import type { Fault } from './faults.ts';
import { loadConfig } from './load.ts';
import type { Config } from './types.ts';

/** The flags as typed; undefined where not given. A list, or one text with commas, stands for several. */
export interface QuickFlags {
  /** Origins to forward to. Without it: `SLUICE_DEMO_UPSTREAM`. */
  readonly upstream?: string | readonly string[] | undefined;
  /** Rates. Required with `upstream`; the demonstration has 10/10s. */
  readonly limit?: string | readonly string[] | undefined;
  /** Parts of the key. Default `ip`. */
  readonly key?: string | readonly string[] | undefined;
  /** Default `SLUICE_REDIS_URL`. With it the limit is shared through Redis. */
  readonly redis?: string | undefined;
  readonly listen?: string | undefined;
  /** With `SLUICE_ADMIN_TOKEN` as its token, where that is set. */
  readonly admin?: string | undefined;
  readonly env: Env;
}

/** Errors are one line each and name the flag: `--limit: "100" is not a rate (…)`. */
export type QuickResult = { readonly config: Config } | { readonly errors: readonly string[] };

const QUICK_NAMES = { upstream: 'upstream', route: 'default', limit: 'per-client' } as const;
const DEMO_LIMIT = '10/10s';

/** Builds the configuration of the short form. Never throws. */
export function quickConfig(flags: QuickFlags): QuickResult {
  const { env } = flags;
  const demo = flags.upstream === undefined ? env['SLUICE_DEMO_UPSTREAM'] : undefined;
  const servers = entries(flags.upstream ?? demo);
  const rates = entries(flags.limit ?? (demo === undefined ? undefined : DEMO_LIMIT));
  const missing: string[] = [];
  if (servers.length === 0)
    missing.push('--upstream: missing (the service to protect: --upstream http://localhost:3000)');
  if (rates.length === 0 && demo === undefined)
    missing.push('--limit: missing (how much one client may have: --limit 100/1m)');
  if (missing.length > 0) return { errors: missing };

  const redis = flags.redis ?? (env['SLUICE_REDIS_URL'] || undefined);
  const token = env['SLUICE_ADMIN_TOKEN'] || undefined;
  const file = {
    ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    ...(flags.admin === undefined && token === undefined
      ? {}
      : {
          admin: {
            ...(flags.admin === undefined ? {} : { listen: flags.admin }),
            ...(token === undefined ? {} : { token }),
          },
        }),
    ...(redis === undefined ? {} : { redis: { url: redis } }),
    upstreams: { [QUICK_NAMES.upstream]: { servers } },
    routes: [{ name: QUICK_NAMES.route, upstream: QUICK_NAMES.upstream, limits: [QUICK_NAMES.limit] }],
    limits: { [QUICK_NAMES.limit]: { key: flags.key === undefined ? ['ip'] : entries(flags.key), rate: rates } },
  };
  // JSON is YAML. What a flag holds is taken as it is: the shell has put the environment in already.
  const text = JSON.stringify(file, (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('${', () => '$${') : value,
  );
  const result = loadConfig(text, 'flags', env);
  return 'config' in result ? result : { errors: result.faults.map((fault) => line(fault, flags)) };
}

function entries(given: string | readonly string[] | undefined): string[] {
  const texts = given === undefined ? [] : typeof given === 'string' ? [given] : given;
  return texts.flatMap((text) => text.split(',')).map((text) => text.trim());
}

function line(fault: Fault, flags: QuickFlags): string {
  const hint = fault.code === 'open-admin' ? 'set SLUICE_ADMIN_TOKEN, or listen on 127.0.0.1' : fault.hint;
  return `${sourceOf(fault.path, flags)}: ${fault.message}${hint === undefined ? '' : ` (${hint})`}`;
}

/** The flag or variable that a setting came from. */
function sourceOf(path: string, flags: QuickFlags): string {
  if (path.startsWith('upstreams')) return flags.upstream === undefined ? 'SLUICE_DEMO_UPSTREAM' : '--upstream';
  if (path.startsWith('redis')) return flags.redis === undefined ? 'SLUICE_REDIS_URL' : '--redis';
  if (path === 'admin/token') return 'SLUICE_ADMIN_TOKEN';
  if (path.startsWith('admin')) return flags.admin === undefined ? '--listen' : '--admin';
  if (path.startsWith('listen')) return '--listen';
  return path.startsWith(`limits/${QUICK_NAMES.limit}/key`) ? '--key' : '--limit';
}
