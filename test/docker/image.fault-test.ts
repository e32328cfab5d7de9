/**
 * The Dockerfile, built by a real builder where there is one, makes what docker/rootfs.ts makes. Among these tests because
 * it takes a minute and fetches packages. Without registries (buildah alone) the two base images are stand-ins out of this
 * machine's programs.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { layBase } from '../../docker/base.ts';
import { makeRootFilesystem } from '../../docker/rootfs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TAG = `localhost/sluice-test:${process.pid}`;

const works = (program: string, ...args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
const builder = works('docker', 'info')
  ? 'docker'
  : process.getuid?.() === 0 && works('buildah', '--version')
    ? 'buildah'
    : undefined;

/** Paths with mode and target, as the image's own parts have them. */
function listing(root: string): readonly string[] {
  const parts = ['usr/local/bin', 'usr/local/lib/sluice', 'etc/sluice'];
  return (
    parts
      .flatMap((part) => [
        part,
        ...readdirSync(join(root, part), { recursive: true, encoding: 'utf8' }).map((name) => join(part, name)),
      ])
      .map((path) => {
        const stat = lstatSync(join(root, path));
        const kind = stat.isSymbolicLink() ? `-> ${readlinkSync(join(root, path))}` : (stat.mode & 0o777).toString(8);
        return `${path} ${stat.isFile() ? stat.size : ''} ${kind}`;
      })
      // npm notes here when and how it ran.
      .filter((line) => !line.includes('/.package-lock.json'))
      .toSorted()
  );
}

describe('the image', {
  skip: builder === undefined ? 'neither docker nor buildah works here' : false,
  timeout: 600_000,
}, () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-built-'));
  const built = join(dir, 'built');
  const store = ['--storage-driver', 'vfs', '--root', join(dir, 'store'), '--runroot', join(dir, 'run')];
  const buildah = (...args: readonly string[]): string =>
    execFileSync('buildah', [...store, ...args], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const docker = (...args: readonly string[]): string =>
    execFileSync('docker', args, { cwd: ROOT, encoding: 'utf8' }).trim();

  /** An image of a folder. */
  const standIn = (name: string, lay: (folder: string) => void): string => {
    const folder = join(dir, name);
    mkdirSync(folder);
    lay(folder);
    writeFileSync(join(dir, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
    buildah('bud', '-q', '--isolation', 'chroot', '-f', join(dir, 'Dockerfile'), '-t', `localhost/${name}:1`, folder);
    return `localhost/${name}:1`;
  };

  /** Where npm runs: this machine's programs are mounted into it. */
  const layNode = (folder: string): void => {
    for (const name of ['usr', 'etc', 'tmp', 'root']) mkdirSync(join(folder, name));
    for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(folder, name));
    for (const name of ['passwd', 'group', 'nsswitch.conf'])
      copyFileSync(join('/etc', name), join(folder, 'etc', name));
  };

  before(() => {
    mkdirSync(built);
    if (builder === 'docker') {
      docker('build', '-q', '-t', TAG, '.');
      const container = docker('create', TAG);
      execFileSync('sh', ['-c', `docker export ${container} | tar -x -C ${built}`]);
      docker('rm', container);
      return;
    }
    const args = [
      `NODE_IMAGE=${standIn('node', layNode)}`,
      `BASE_IMAGE=${standIn('base', (folder) => layBase(folder, join(ROOT, 'node_modules/node/bin/node')))}`,
    ];
    const mounts = ['/usr:/usr:ro', '/etc/ssl:/etc/ssl:ro', '/etc/alternatives:/etc/alternatives:ro'].filter((mount) =>
      existsSync(mount.split(':')[0] ?? ''),
    );
    buildah(
      'bud',
      '-q',
      '--isolation',
      'chroot',
      ...mounts.flatMap((mount) => ['--volume', mount]),
      ...args.flatMap((arg) => ['--build-arg', arg]),
      '-t',
      TAG,
      '.',
    );
    execFileSync('cp', ['-a', `${buildah('mount', buildah('from', TAG))}/.`, built]);
  });
  after(() => {
    if (builder === 'docker') spawnSync('docker', ['rmi', '-f', TAG], { stdio: 'ignore' });
    if (builder === 'buildah') spawnSync('buildah', [...store, 'rm', '--all'], { stdio: 'ignore' });
    rmSync(dir, { recursive: true, force: true });
  });

  it('has the files that docker/rootfs.ts makes', () => {
    const made = join(dir, 'made');
    makeRootFilesystem(made);
    const [ours, theirs] = [listing(made), listing(built)];
    assert.ok(ours.length > 1_000);
    assert.deepEqual(
      [theirs.filter((line) => !ours.includes(line)), ours.filter((line) => !theirs.includes(line))],
      [[], []],
    );
  });

  it('runs', () => {
    const version =
      builder === 'docker'
        ? docker('run', '--rm', '--read-only', TAG, '--version')
        : execFileSync('chroot', ['--userspec=65532:65532', built, '/usr/local/bin/sluice', '--version'], {
            encoding: 'utf8',
          }).trim();
    assert.match(version, /^sluice \d+\.\d+\.\d+$/);
  });
});
