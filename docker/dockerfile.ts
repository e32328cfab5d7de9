/** The Dockerfile, taken apart as far as docker/rootfs.ts follows it. */

export type Step =
  | { readonly kind: 'workdir'; readonly path: string }
  | { readonly kind: 'run'; readonly script: string }
  | {
      readonly kind: 'copy';
      readonly from: string | undefined;
      readonly sources: readonly string[];
      readonly to: string;
    }
  /** Says how the image is run; makes no file. */
  | { readonly kind: 'setting'; readonly keyword: string; readonly value: string };

export interface Stage {
  readonly image: string;
  /** What `AS` calls it. */
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

/** @throws Error for an instruction that rootfs.ts would not follow as a builder does */
export function parseDockerfile(text: string): readonly Stage[] {
  const args = new Map<string, string>();
  const stages: { image: string; name: string | undefined; steps: Step[] }[] = [];
  for (const { keyword, rest } of instructions(text)) {
    const stage = stages.at(-1);
    if (keyword === 'ARG' && stage === undefined) {
      const [name = '', value = ''] = rest.split(/=(.*)/s, 2);
      args.set(name, value);
    } else if (keyword === 'FROM') {
      const [image = '', , name] = rest.split(/\s+/);
      stages.push({ image: expand(image, args), name, steps: [] });
    } else if (stage === undefined) {
      throw new Error(`Dockerfile: ${keyword} before the first FROM`);
    } else {
      stage.steps.push(stepOf(keyword, rest));
    }
  }
  return stages;
}

/** Entries of a .dockerignore that lets nothing through but what it names: `*`, then `!NAME` lines. */
export function letThrough(dockerignore: string): readonly string[] {
  const lines = dockerignore.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [first, ...others] = lines;
  if (first !== '*' || others.some((line) => !line.startsWith('!'))) {
    throw new Error('.dockerignore: expected * and then only !NAME lines');
  }
  return others.map((line) => line.slice(1).trim());
}

function instructions(text: string): { readonly keyword: string; readonly rest: string }[] {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  const joined = lines.join('\n').replaceAll(/\\\n/g, ' ').split('\n');
  return joined
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, keyword = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
      return { keyword: keyword.toUpperCase(), rest };
    });
}

function stepOf(keyword: string, rest: string): Step {
  switch (keyword) {
    case 'WORKDIR':
      return { kind: 'workdir', path: rest };
    case 'RUN':
      if (rest.startsWith('[') || rest.startsWith('--')) throw new Error(`Dockerfile: not followed: RUN ${rest}`);
      return { kind: 'run', script: rest };
    case 'COPY': {
      const words = rest.split(/\s+/);
      const flags = words.filter((word) => word.startsWith('--'));
      const unknown = flags.find((flag) => !flag.startsWith('--from='));
      if (unknown !== undefined) throw new Error(`Dockerfile: not followed: COPY ${unknown}`);
      const paths = words.filter((word) => !word.startsWith('--'));
      return {
        kind: 'copy',
        from: flags[0]?.slice('--from='.length),
        sources: paths.slice(0, -1),
        to: paths.at(-1) ?? '',
      };
    }
    case 'CMD':
    case 'ENTRYPOINT':
    case 'EXPOSE':
    case 'HEALTHCHECK':
    case 'LABEL':
    case 'STOPSIGNAL':
    case 'USER':
      return { kind: 'setting', keyword, value: rest };
    default:
      throw new Error(`Dockerfile: not followed: ${keyword}`);
  }
}

function expand(text: string, args: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_all, name: string) => {
    const value = args.get(name);
    if (value === undefined) throw new Error(`Dockerfile: ARG ${name} has no value`);
    return value;
  });
}
