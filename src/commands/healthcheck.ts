/** `sluice healthcheck`: asks a running gateway whether it takes requests. For images without a shell or curl. */
import type { AdminAddress } from '../config/admin-address.ts';
import { reasonOf } from '../core/errors.ts';
import { adminFlag, adminUrl, askAdmin, detailOf } from './admin-client.ts';
import { print } from './output.ts';

export interface HealthcheckFlags {
  readonly admin?: string;
  readonly config?: string;
}

/**
 * Asks `GET /readyz` and prints one line: on standard output when the gateway takes requests, on standard error when it
 * drains, does not answer within 3 s, or is not there. Returns the exit code, 0 or 1.
 * @throws SluiceError SLUICE_USAGE when `--admin` is no address
 */
export async function healthcheckCommand(flags: HealthcheckFlags): Promise<number> {
  const found = await whereToAsk(flags);
  if ('problem' in found) return unhealthy(found.problem);
  const url = `${adminUrl(found.address)}/readyz`;
  try {
    const { status, body } = await askAdmin(url);
    if (status !== 200) return unhealthy(`${url} answered ${status}${detailOf(body)}`);
    await print(`healthy: ${url} answered 200\n`);
    return 0;
  } catch (error) {
    return unhealthy(reasonOf(error));
  }
}

async function whereToAsk(flags: HealthcheckFlags): Promise<AdminAddress> {
  if (flags.config !== undefined) {
    // The schema takes longer to load than the whole check takes without it.
    const { adminAddressOf } = await import('../config/admin-address.ts');
    return adminAddressOf(flags.config, process.env);
  }
  return { address: adminFlag(flags.admin) };
}

function unhealthy(why: string): number {
  process.stderr.write(`unhealthy: ${why}\n`);
  return 1;
}
