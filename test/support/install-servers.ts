/**
 * Makes sure that the real servers are there before tests or benchmarks start.
 *
 * usage: node test/support/install-servers.ts [--faults | --bench | NAME...]
 *
 * Does nothing when they are. Otherwise installs Debian's packages when it may (root, apt-get), and else prints one line
 * that says what to install and exits with 1.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stderr } from 'node:process';
import type { ServerName } from './servers.ts';
import {
  BENCH_SERVERS,
  debianPackages,
  FAULT_SERVERS,
  isServerName,
  missingServers,
  TEST_SERVERS,
  whatToInstall,
} from './servers.ts';

/**
 * Runs under flock, so that parallel runs take turns; the kernel gives the lock back however the run ends. The policy
 * file keeps the packages from starting their services; one that was there before is left alone, one that a killed run
 * left behind is recognised by its mark.
 */
const INSTALL = String.raw`
set -u
policy=/usr/sbin/policy-rc.d
mark='# sluice: installing servers for tests'
if [ ! -e "$policy" ] || grep -qsF "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q update &&
apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@"
`;

function wantedServers(args: readonly string[]): readonly ServerName[] {
  if (args.length === 0) return TEST_SERVERS;
  if (args.length === 1 && args[0] === '--faults') return [...TEST_SERVERS, ...FAULT_SERVERS];
  if (args.length === 1 && args[0] === '--bench') return BENCH_SERVERS;
  const unknown = args.find((name) => !isServerName(name));
  if (unknown !== undefined) throw new Error(`unknown server: ${unknown}`);
  return args.filter(isServerName);
}

function install(missing: readonly ServerName[]): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return whatToInstall(missing);
  const packages = debianPackages(missing);
  stderr.write(`installing ${packages.join(', ')}\n`);
  const lock = join(tmpdir(), 'sluice-install-servers.lock');
  const run = spawnSync('flock', ['-w', '600', lock, 'sh', '-c', INSTALL, 'install-servers', ...packages], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const left = missingServers(missing);
  if (left.length === 0) return undefined;
  stderr.write(`${run.stdout ?? ''}${run.stderr ?? ''}${run.error === undefined ? '' : `${run.error.message}\n`}`);
  return whatToInstall(left);
}

function main(): number {
  try {
    const missing = missingServers(wantedServers(argv.slice(2)));
    const complaint = missing.length === 0 ? undefined : install(missing);
    if (complaint === undefined) return 0;
    stderr.write(`${complaint}\n`);
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  }
  return 1;
}

process.exitCode = main();
