/** The Dockerfile: hadolint finds nothing, and docker/rootfs.ts refuses what it would follow otherwise than a builder. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { letThrough, parseDockerfile } from '../../docker/dockerfile.ts';
import { tool } from '../support/tools.ts';
import { imageSettings } from './enter.ts';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const DOCKERFILE = read('Dockerfile');

function hadolintOrReason(): { readonly path: string } | { readonly reason: string } {
  try {
    return { path: tool('hadolint') };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** What hadolint says, a line each. */
function lint(hadolint: string, text: string): readonly string[] {
  const registries = ['docker.io', 'gcr.io'].flatMap((name) => ['--trusted-registry', name]);
  const run = spawnSync(hadolint, ['--no-color', ...registries, '-'], { input: text, encoding: 'utf8' });
  return `${run.stdout}${run.stderr}`.split('\n').filter((line) => line !== '');
}

describe('Dockerfile', () => {
  const hadolint = hadolintOrReason();
  it('passes hadolint, which does find faults', { skip: 'reason' in hadolint ? hadolint.reason : false }, () => {
    if (!('path' in hadolint)) return;
    assert.deepEqual(lint(hadolint.path, DOCKERFILE), []);
    const worse = DOCKERFILE.replace('USER 65532:65532', 'USER root').replace('CMD ["run"', 'CMD run ["run"');
    assert.match(lint(hadolint.path, worse).join('\n'), /DL3002[\s\S]*DL3025/);
  });

  it('runs as a user who is not root, by number, and stops on the signal that drains', () => {
    const settings = imageSettings(DOCKERFILE);
    assert.match(settings.user, /^[1-9]\d*:[1-9]\d*$/);
    assert.equal(settings.stopSignal, 'SIGTERM');
    assert.deepEqual(settings.healthcheck, ['sluice', 'healthcheck']);
  });

  it('copies nothing that .dockerignore keeps out, and .dockerignore lets nothing else through', () => {
    const copied = parseDockerfile(DOCKERFILE).flatMap(({ steps }) =>
      steps.flatMap((step) => (step.kind === 'copy' && step.from === undefined ? step.sources : [])),
    );
    const bare = (path: string): string => path.replace(/^\.\//, '');
    assert.deepEqual([...new Set(copied.map(bare))].toSorted(), letThrough(read('.dockerignore')).toSorted());
  });
});

describe('what docker/rootfs.ts does not follow', () => {
  const cases: readonly (readonly [instruction: string, said: RegExp])[] = [
    ['ADD a /a', /not followed: ADD/],
    ['COPY --chmod=755 a /a', /not followed: COPY --chmod=755/],
    ['RUN --mount=type=cache,target=/x true', /not followed: RUN --mount/],
    ['RUN ["true"]', /not followed: RUN/],
    ['ENV A=b', /not followed: ENV/],
  ];
  for (const [instruction, said] of cases) {
    it(instruction, () => assert.throws(() => parseDockerfile(`FROM scratch\n${instruction}\n`), said));
  }

  it('an ARG without value, an instruction without FROM, a .dockerignore of another form', () => {
    assert.throws(() => parseDockerfile(`FROM ${'$'}{X}\n`), /ARG X has no value/);
    assert.throws(() => parseDockerfile('COPY a /a\n'), /before the first FROM/);
    assert.throws(() => letThrough('node_modules\n'), /expected \*/);
  });

  it('reads stages, continued lines and comments as a builder does', () => {
    const text =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is Dockerfile’s notation
      '# c\nARG A=img:1\nFROM ${A} AS one\n# c\nRUN a \\\n# inside\n && b\nFROM two\nCOPY --from=one /x /y/\n';
    assert.deepEqual(parseDockerfile(text), [
      { image: 'img:1', name: 'one', steps: [{ kind: 'run', script: 'a   && b' }] },
      { image: 'two', name: undefined, steps: [{ kind: 'copy', from: 'one', sources: ['/x'], to: '/y/' }] },
    ]);
  });
});
