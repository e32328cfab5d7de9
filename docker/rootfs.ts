/**
 * Makes the image's root filesystem by following the Dockerfile, on a machine without a builder of images.
 *
 * usage: node docker/rootfs.ts FOLDER
 *
 * RUN steps run on this machine, in a folder that stands for WORKDIR; the base is a stand-in (base.ts). `npm ci` takes the
 * packages that this checkout has installed, by the same lock file, instead of fetching them again.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { argv, env, stderr, stdout } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { layBase } from './base.ts';
import type { Stage, Step } from './dockerfile.ts';
import { letThrough, parseDockerfile } from './dockerfile.ts';

const CONTEXT = fileURLToPath(new URL('..', import.meta.url));

/** Goes before npm on PATH. Links cost neither time nor room; what npm itself rewrites must not be shared through them. */
const NPM = `#!/bin/sh
set -eu
if [ "$1" != ci ]; then exec "$SLUICE_NPM" "$@"; fi
cp -al "$SLUICE_CONTEXT/node_modules" node_modules 2>/dev/null || { rm -rf node_modules; cp -a "$SLUICE_CONTEXT/node_modules" node_modules; }
rm -rf node_modules/.cache node_modules/.package-lock.json
case " $* " in
*' --omit=dev '*)
  "$SLUICE_NPM" prune --omit=dev --offline --no-audit --no-fund --loglevel=error
  find node_modules -mindepth 1 -maxdepth 1 -type d -empty -delete
  ;;
esac
`;

/** Follows the Dockerfile into `root`, which must not exist or be empty. Blocks for some seconds. @throws Error when a step fails */
export function makeRootFilesystem(root: string): void {
  const stages = parseDockerfile(readFileSync(join(CONTEXT, 'Dockerfile'), 'utf8'));
  const allowed = letThrough(readFileSync(join(CONTEXT, '.dockerignore'), 'utf8'));
  const work = mkdtempSync(join(tmpdir(), 'sluice-rootfs-'));
  try {
    mkdirSync(join(work, 'tools'));
    writeFileSync(join(work, 'tools/npm'), NPM, { mode: 0o755 });
    const folders = new Map<string, string>();
    stages.forEach((stage, i) => {
      const last = i === stages.length - 1;
      const folder = last ? root : join(work, `stage-${i}`);
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, 0o755);
      if (last) layBase(folder, join(CONTEXT, 'node_modules/node/bin/node'));
      follow(stage, folder, { folders, allowed, tools: join(work, 'tools') });
      if (stage.name !== undefined) folders.set(stage.name, folder);
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Surroundings {
  /** Of the stages so far, by name. */
  readonly folders: ReadonlyMap<string, string>;
  /** What .dockerignore lets through. */
  readonly allowed: readonly string[];
  readonly tools: string;
}

function follow(stage: Stage, folder: string, surroundings: Surroundings): void {
  let workdir = '/';
  for (const step of stage.steps) {
    if (step.kind === 'workdir') {
      workdir = step.path;
      mkdirSync(join(folder, workdir), { recursive: true });
    } else if (step.kind === 'run') run(step.script, join(folder, workdir), surroundings.tools);
    else if (step.kind === 'copy') copy(step, folder, workdir, surroundings);
  }
}

function run(script: string, cwd: string, tools: string): void {
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  execFileSync('sh', ['-ec', script], {
    cwd,
    env: { ...env, PATH: `${tools}:${env['PATH'] ?? ''}`, SLUICE_NPM: npm, SLUICE_CONTEXT: resolve(CONTEXT) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** As a builder copies: a folder's contents, or files into a folder when there are several or the target ends in a slash. */
function copy(step: Step & { kind: 'copy' }, folder: string, workdir: string, surroundings: Surroundings): void {
  const origin = step.from === undefined ? CONTEXT : surroundings.folders.get(step.from);
  if (origin === undefined) throw new Error(`Dockerfile: COPY --from=${step.from ?? ''}: there is no such stage`);
  const to = step.to.startsWith('/') ? join(folder, step.to) : join(folder, workdir, step.to);
  for (const source of step.sources) {
    if (step.from === undefined && !surroundings.allowed.includes(source)) {
      throw new Error(`Dockerfile: COPY ${source}: .dockerignore does not let it through`);
    }
    const path = join(origin, source);
    if (!existsSync(path)) throw new Error(`Dockerfile: COPY ${source}: there is no such file`);
    const into = step.to.endsWith('/') || step.to === '.' || step.sources.length > 1;
    const target = into && !statSync(path).isDirectory() ? join(to, basename(source)) : to;
    cpSync(path, target, { recursive: true, verbatimSymlinks: true });
  }
}

function main(): number {
  const [folder, ...more] = argv.slice(2);
  if (folder === undefined || more.length > 0) {
    stderr.write('usage: node docker/rootfs.ts FOLDER\n');
    return 2;
  }
  try {
    makeRootFilesystem(resolve(folder));
    stdout.write(`${resolve(folder)}\n`);
    return 0;
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) process.exitCode = main();
