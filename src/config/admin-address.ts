import type { Env } from './env.ts';
import type { Fault } from './faults.ts';
import { formatFault } from './faults.ts';
import { loadConfigFile, readLeniently } from './load.ts';
import type { Address } from './types.ts';

/** Where a file says that the admin listener is, or the line that says why that cannot be told. */
export type AdminAddress = { readonly address: Address } | { readonly problem: string };

/**
 * The admin listener's address in a configuration file, also of one with faults elsewhere: a running gateway refuses such
 * a file and goes on with the old one, so it is no reason to call the gateway unhealthy. Never throws. Blocks.
 */
export function adminAddressOf(file: string, env: Env): AdminAddress {
  const result = loadConfigFile(file, env);
  if ('config' in result) return { address: result.config.admin.listen };
  const listen = result.text === undefined ? undefined : readLeniently(result.text, file, env)?.admin?.listen;
  return listen === undefined ? { problem: problemOf(result.faults, file) } : { address: listen };
}

function problemOf(faults: readonly Fault[], file: string): string {
  const fault = faults.find(({ path }) => path.startsWith('admin')) ?? faults[0];
  return fault === undefined ? `${file}: admin.listen cannot be read` : formatFault(fault);
}
