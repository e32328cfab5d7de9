/** Runs programs in a root filesystem as a container's runtime does: another root, another user, nothing to write to. */
import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { parseDockerfile } from '../../docker/dockerfile.ts';
import { spawnOwned } from '../support/child.ts';

/** What the Dockerfile says of how the image is run. */
export interface ImageSettings {
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly stopSignal: string;
}

export function imageSettings(dockerfile: string): ImageSettings {
  const last = parseDockerfile(dockerfile).at(-1)?.steps ?? [];
  const value = (keyword: string): string => {
    const step = last.findLast((each) => each.kind === 'setting' && each.keyword === keyword);
    return step?.kind === 'setting' ? step.value : '';
  };
  const words = (json: string): readonly string[] => JSON.parse(json) as string[];
  return {
    user: value('USER'),
    entrypoint: words(value('ENTRYPOINT')),
    command: words(value('CMD')),
    healthcheck: words(/ CMD (\[.*\])$/.exec(value('HEALTHCHECK'))?.[1] ?? '[]'),
    stopSignal: value('STOPSIGNAL'),
  };
}

const MOUNT =
  'mount --bind "$root" "$root"; mount --rbind /proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -o remount,bind,ro "$root"';

/** Whether this process may give a child a root of its own, and one that is read-only. */
export const privileges = {
  chroot: process.getuid?.() === 0,
  readOnly:
    process.getuid?.() === 0 &&
    spawnSync('unshare', ['--mount', 'sh', '-ec', 'mount --bind /tmp /tmp; mount -o remount,bind,ro /tmp']).status ===
      0,
};

/** Starts `words` in `root` as `user`, a numeric `uid:gid`. The process is the program itself, so signals reach it. */
export function enter(root: string, user: string, words: readonly string[]): ChildProcess {
  const script = `root=$1; user=$2; shift 2; ${privileges.readOnly ? `${MOUNT}; ` : ''}exec chroot --userspec="$user" "$root" "$@"`;
  const shell = ['sh', '-ec', script, 'enter', root, user, ...words];
  const [program = 'sh', ...args] = privileges.readOnly ? ['unshare', '--mount', ...shell] : shell;
  return spawnOwned(program, args, {
    cwd: '/',
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/home/nonroot' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
