/**
 * Checks manifests against the types of Kubernetes and of the Prometheus operator, strictly. The packages' own validators
 * let unknown fields pass, so manifests are also written as literals of the packages' types, where the compiler does not.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from './chart.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Module that has the type of a manifest. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  if (apiVersion.startsWith('monitoring.coreos.com/')) {
    return `@kubernetes-models/prometheus-operator/${apiVersion}/${kind}`;
  }
  return `kubernetes-models/${apiVersion}/${kind}`;
}

/**
 * What is wrong with each manifest, in their order: nothing, or lines that name the field. All are compiled together: that
 * costs some seconds however many they are.
 */
export function typeFaults(manifests: readonly Manifest[]): readonly (readonly string[])[] {
  // Below the repository, so that the packages are found.
  const dir = mkdtempSync(join(ROOT, 'node_modules/.sluice-manifests-'));
  try {
    const kinds = new Map(manifests.map((each) => [moduleOf(each), each.kind]));
    const names = new Map([...kinds.keys()].map((module, i) => [module, `T${i}`]));
    const lines = [...kinds].map(
      ([module, kind]) => `import type { I${kind} as ${names.get(module)} } from '${module}';`,
    );
    const starts = manifests.map((each, i) => {
      const start = lines.length;
      const literal = JSON.stringify(each, undefined, 1).split('\n');
      lines.push(`export const m${i}: ${names.get(moduleOf(each))} =`, ...literal, ';');
      return start;
    });
    writeFileSync(join(dir, 'manifests.ts'), `${lines.join('\n')}\n`);
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--pretty',
      'false',
    ];
    const run = spawnSync(
      join(ROOT, 'node_modules/.bin/tsc'),
      [...options, '--ignoreConfig', join(dir, 'manifests.ts')],
      { encoding: 'utf8', cwd: dir },
    );
    const said = `${run.stdout}${run.stderr}`.split('\n').filter((line) => line !== '');
    if (run.status !== 0 && said.length === 0) throw new Error(`tsc ended with ${run.status}`);
    const faults: string[][] = manifests.map(() => []);
    for (const line of said) {
      const where = /manifests\.ts\((\d+),\d+\): error \w+: (.*)$/.exec(line);
      if (where === null) {
        // Continues the message before it.
        if (line.startsWith(' ')) continue;
        throw new Error(`tsc: ${line}`);
      }
      const index = starts.findLastIndex((start) => start < Number(where[1]));
      if (index < 0) throw new Error(`tsc: ${line}`);
      faults[index]?.push(`${where[2]} (${lines[Number(where[1]) - 1]?.trim()})`);
    }
    return faults;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Throws what the packages' own validator finds: values and formats, which types do not say. */
export async function validate(manifest: Manifest): Promise<void> {
  const module = (await import(moduleOf(manifest))) as Record<string, new (data: Manifest) => { validate(): void }>;
  const Model = module[manifest.kind];
  if (Model === undefined) throw new Error(`${moduleOf(manifest)} has no ${manifest.kind}`);
  new Model(manifest).validate();
}
