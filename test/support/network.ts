/**
 * Hosts in network namespaces of their own, on one bridge, whose packets can be lost: a whole partition, or a part at random.
 * Needs root. This machine is on the bridge too and sees all of them, whatever they see of each other.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { requireServer } from './servers.ts';

export interface NetworkHost {
  /** For `startGateway`. */
  readonly netns: string;
  readonly ip: string;
}

export interface Network extends Disposable {
  readonly hosts: readonly NetworkHost[];
  /** This machine's address on the bridge. */
  readonly gatewayIp: string;
  /** From now on packets pass only between hosts of one side; sides by index into `hosts`. */
  partition(...sides: readonly (readonly number[])[]): void;
  /** From now on each packet between hosts is lost with this probability, 0 to 1. */
  lose(probability: number): void;
  /** Everything passes again. */
  heal(): void;
}

/** Why namespaces cannot be made here; undefined when they can. */
export const noNetwork: string | undefined =
  process.getuid?.() === 0 ? undefined : 'needs root, to make network namespaces';

export function startNetwork(count: number): Network {
  const ip = requireServer('ip');
  const nft = requireServer('nft');
  const tag = `slc${process.pid.toString(36)}`;
  const net = `10.203.${process.pid % 256}`;
  const run = (...args: readonly string[]): void =>
    void execFileSync(ip, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const tryRun = (...args: readonly string[]): void => {
    try {
      run(...args);
    } catch {
      // It is gone already.
    }
  };
  // What a test has left behind that was killed. Its namespaces are named after its process.
  for (const [netns, , pid = ''] of execFileSync(ip, ['netns', 'list'], { encoding: 'utf8' }).matchAll(
    /^(slc([0-9a-z]+)n\d+)/gm,
  )) {
    if (!existsSync(`/proc/${Number.parseInt(pid, 36)}`)) tryRun('netns', 'del', netns);
  }
  for (const [, link = '', pid = ''] of execFileSync(ip, ['-o', 'link', 'show', 'type', 'bridge'], {
    encoding: 'utf8',
  }).matchAll(/^\d+: (slc([0-9a-z]+)):/gm)) {
    if (!existsSync(`/proc/${Number.parseInt(pid, 36)}`)) tryRun('link', 'del', link);
  }
  const hosts = Array.from({ length: count }, (_, i) => ({ netns: `${tag}n${i}`, ip: `${net}.${10 + i}` }));
  const end = (): void => {
    for (const { netns } of hosts) tryRun('netns', 'del', netns);
    tryRun('link', 'del', tag);
    process.off('exit', end);
  };
  process.on('exit', end);
  const filter = (host: NetworkHost, rules: readonly string[]): void => {
    const text = [
      'table inet faults {}',
      'delete table inet faults',
      'table inet faults {',
      'chain input {',
      'type filter hook input priority 0; policy accept;',
      ...rules,
      '}',
      '}',
    ].join('\n');
    execFileSync(ip, ['netns', 'exec', host.netns, nft, '-f', '-'], { input: text, stdio: ['pipe', 'ignore', 'pipe'] });
  };
  const others = (host: NetworkHost): readonly string[] =>
    hosts.filter((other) => other !== host).map((other) => other.ip);
  try {
    run('link', 'add', tag, 'type', 'bridge');
    run('addr', 'add', `${net}.1/24`, 'dev', tag);
    run('link', 'set', tag, 'up');
    for (const [i, host] of hosts.entries()) {
      run('netns', 'add', host.netns);
      run('link', 'add', `${tag}v${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.netns);
      run('link', 'set', `${tag}v${i}`, 'master', tag, 'up');
      run('-n', host.netns, 'addr', 'add', `${host.ip}/24`, 'dev', 'eth0');
      run('-n', host.netns, 'link', 'set', 'eth0', 'up');
      run('-n', host.netns, 'link', 'set', 'lo', 'up');
    }
  } catch (error) {
    end();
    throw error;
  }
  return {
    hosts,
    gatewayIp: `${net}.1`,
    partition(...sides) {
      for (const [i, host] of hosts.entries()) {
        const side = sides.find((each) => each.includes(i)) ?? [i];
        const hidden = hosts.filter((_, k) => k !== i && !side.includes(k)).map((other) => other.ip);
        filter(host, hidden.length === 0 ? [] : [`ip saddr { ${hidden.join(', ')} } drop`]);
      }
    },
    lose(probability) {
      const of = 10_000;
      for (const host of hosts) {
        filter(host, [
          `ip saddr { ${others(host).join(', ')} } numgen random mod ${of} < ${Math.round(probability * of)} drop`,
        ]);
      }
    },
    heal() {
      for (const host of hosts) filter(host, []);
    },
    [Symbol.dispose]: end,
  };
}
