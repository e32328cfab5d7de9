/** Renders the chart with the real helm, and hands back what it made. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { tool } from '../support/tools.ts';

export const CHART = fileURLToPath(new URL('../../helm/sluice', import.meta.url));

/** Any part of a manifest; `at` looks into it. */
export type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

export interface Manifest {
  readonly [key: string]: Json;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly [key: string]: Json; readonly name: string };
}

export interface Rendered {
  readonly manifests: readonly Manifest[];
  /** The one of a kind whose name ends so. Throws when there is none. */
  one(kind: string, nameEnd?: string): Manifest;
  has(kind: string, nameEnd?: string): boolean;
}

export interface RenderOptions {
  /** Values, and files of values before them. */
  readonly values?: object;
  readonly files?: readonly string[];
  readonly chart?: string;
}

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs helm, away from the user's own settings. Killed after 60 s. */
export function helm(args: readonly string[]): Promise<Run> {
  const home = fileURLToPath(new URL('../../.cache/helm-home', import.meta.url));
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
  };
  return new Promise((resolve) => {
    execFile(tool('helm'), args, { env, timeout: 60_000, maxBuffer: 64 * 1024 ** 2 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

/** What `helm install` of release `rel` into namespace `shop` would make. Rejects with what helm says. */
export async function render(options: RenderOptions = {}): Promise<Rendered> {
  const { code, stdout, stderr } = await tryRender(options);
  if (code !== 0) throw new Error(stderr);
  const documents = parseAllDocuments(stdout);
  if (!Array.isArray(documents)) throw new Error('helm rendered nothing');
  const everything = documents.map((document): unknown => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS();
  });
  const manifests = everything.filter((value): value is Manifest => value !== null && typeof value === 'object');
  const find = (kind: string, end: string): Manifest | undefined =>
    manifests.find((each) => each.kind === kind && each.metadata.name.endsWith(end));
  return {
    manifests,
    has: (kind, end = '') => find(kind, end) !== undefined,
    one: (kind, end = '') => {
      const found = find(kind, end);
      if (found === undefined) throw new Error(`there is no ${kind} …${end}`);
      return found;
    },
  };
}

/** As {@link render}, with helm's own words when it refuses. */
export async function tryRender({ values = {}, files = [], chart = CHART }: RenderOptions): Promise<Run> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-values-'));
  try {
    const own = join(dir, 'values.json');
    writeFileSync(own, JSON.stringify(values));
    return await helm(['template', 'rel', chart, '-n', 'shop', ...[...files, own].flatMap((file) => ['-f', file])]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The `ci/*-values.yaml` of the chart, by the word before `-values`. */
export function ciFiles(): ReadonlyMap<string, string> {
  const names = readdirSync(join(CHART, 'ci')).filter((name) => name.endsWith('-values.yaml'));
  return new Map(names.map((name) => [name.slice(0, -'-values.yaml'.length), join(CHART, 'ci', name)]));
}

/** What is inside at a path of keys and positions; undefined where the path ends. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const step of path) {
    if (current === null || typeof current !== 'object') return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The container of the gateway. */
export function container(rendered: Rendered): unknown {
  return at(rendered.one('Deployment', '-sluice'), 'spec', 'template', 'spec', 'containers', 0);
}

/** The configuration file that the gateways get. */
export function configOf(rendered: Rendered): string {
  const texts = rendered.manifests.map((each) => at(each, 'data', 'sluice.yaml'));
  return String(texts.find((text) => text !== undefined));
}

/** A configuration that has what every one must have; `more` goes over it. */
export function config(more: object = {}): object {
  return {
    upstreams: { orders: { servers: ['http://orders.shop.svc:3000'] } },
    routes: [{ upstream: 'orders', limits: ['per-client'] }],
    limits: { 'per-client': { key: 'ip', rate: '100/1m' } },
    ...more,
  };
}

export function readChartFile(path: string): string {
  return readFileSync(join(CHART, path), 'utf8');
}
