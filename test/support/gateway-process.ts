/** A real gateway as a process of its own, as an operator runs it. */
import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, hasEnded, spawnOwned } from './child.ts';
import { requireServer } from './servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface GatewayOptions {
  /** YAML text, or JSON-able value (JSON is YAML); written to a file of its own. */
  readonly config?: string | object;
  /** Arguments after `run`, in place of or beside `config`. */
  readonly args?: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What `faketime -f` takes, such as `+1h`: the process believes the time to be off by that much. */
  readonly faketime?: string;
  /** Network namespace to run in, made by `startNetwork`. */
  readonly netns?: string;
  /** Milliseconds to wait for the ready line. Default 15,000. */
  readonly readyWithin?: number;
}

export interface Gateway extends AsyncDisposable {
  /** `http://host:port` of the gateway and of its admin listener, as the ready line says. */
  readonly url: string;
  readonly adminUrl: string;
  readonly port: number;
  readonly adminPort: number;
  readonly pid: number;
  /** The config file, to change and reload; undefined when started without. */
  readonly configFile: string | undefined;
  readonly stdout: () => string;
  readonly stderr: () => string;
  signal(name: NodeJS.Signals): void;
  /** How it ended; undefined while it runs. */
  exit(): { readonly code: number | null } | undefined;
  /** SIGTERM, and the exit code; null when it had to be killed after 30 s. */
  stop(): Promise<number | null>;
  kill9(): Promise<void>;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `sluice run` and waits until it says where it listens. Rejects with its stderr when it ends first. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-gateway-'));
  const configFile = options.config === undefined ? undefined : join(dir, 'sluice.yaml');
  if (configFile !== undefined) {
    const config = options.config;
    writeFileSync(configFile, typeof config === 'string' ? config : JSON.stringify(config, undefined, 2));
  }
  const args = ['run', ...(configFile === undefined ? [] : ['--config', configFile]), ...(options.args ?? [])];
  const child = spawnSluice(args, options);
  const output = collect(child);
  const dispose = async (): Promise<number | null> => {
    const code = await end(child, 'SIGTERM', 30_000);
    rmSync(dir, { recursive: true, force: true });
    return code;
  };
  try {
    const { url, adminUrl } = await readyUrls(child, output, options.readyWithin ?? 15_000);
    return {
      url,
      adminUrl,
      port: Number(new URL(url).port),
      adminPort: Number(new URL(adminUrl).port),
      pid: child.pid ?? -1,
      configFile,
      stdout: () => output.stdout,
      stderr: () => output.stderr,
      signal: (name) => void child.kill(name),
      exit: () => (hasEnded(child) ? { code: child.exitCode } : undefined),
      stop: dispose,
      kill9: async () => {
        await end(child, 'SIGKILL');
      },
      [Symbol.asyncDispose]: async () => {
        await dispose();
      },
    };
  } catch (error) {
    await end(child, 'SIGKILL');
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Runs `sluice ARGS` to its end, as a shell would. Killed after 30 s. */
export async function runSluice(
  args: readonly string[],
  options: Pick<GatewayOptions, 'env' | 'faketime'> = {},
): Promise<CommandResult> {
  const child = spawnSluice(args, options);
  const output = collect(child);
  const killer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  }).finally(() => clearTimeout(killer));
  return { code: child.exitCode, stdout: output.stdout, stderr: output.stderr };
}

function spawnSluice(
  args: readonly string[],
  options: Pick<GatewayOptions, 'env' | 'faketime' | 'netns'>,
): ChildProcess {
  const command = [process.execPath, join(ROOT, 'src/main.ts'), ...args];
  // ip replaces itself by the command, so the process id stays.
  const inNamespace = options.netns === undefined ? [] : [requireServer('ip'), 'netns', 'exec', options.netns];
  const [program = process.execPath, ...rest] = [...inNamespace, ...command];
  return spawnOwned(program, rest, {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', ...options.env, ...fakeClock(options.faketime) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The library that the `faketime` command loads, without that command: it would stay between us and the process's signals. */
function fakeClock(offset: string | undefined): Record<string, string> {
  if (offset === undefined) return {};
  const library = execFileSync(requireServer('faketime'), ['-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
  return { LD_PRELOAD: library.trim(), FAKETIME: offset };
}

interface Output {
  stdout: string;
  stderr: string;
}

/** Keeps the last MiB of each stream. */
function collect(child: ChildProcess): Output {
  const output: Output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] = (output[stream] + text).slice(-1024 * 1024);
    });
  }
  return output;
}

async function readyUrls(
  child: ChildProcess,
  output: Output,
  withinMs: number,
): Promise<{ url: string; adminUrl: string }> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    // One line names both: `sluice listening on http://127.0.0.1:8080, admin on http://127.0.0.1:9090`.
    const line = output.stdout.split('\n').find((text) => /listening on .*admin on /.test(text));
    const urls = [...(line ?? '').matchAll(/https?:\/\/(?:\[[0-9a-f:.]+\]|[\w.-]+):\d+/g)].map((match) => match[0]);
    const [url, adminUrl] = urls;
    if (url !== undefined && adminUrl !== undefined) return { url: reachable(url), adminUrl: reachable(adminUrl) };
    const said = `stdout: ${output.stdout.trim()}\nstderr: ${output.stderr.trim()}`;
    if (hasEnded(child)) throw new Error(`sluice ended (code ${child.exitCode}) before it was ready\n${said}`);
    if (performance.now() > deadline) throw new Error(`sluice was not ready within ${withinMs} ms\n${said}`);
    await new Promise((resume) => setTimeout(resume, 5));
  }
}

/** An address that listens on every interface is reached over loopback. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
