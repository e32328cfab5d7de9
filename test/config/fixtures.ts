import { readdirSync, readFileSync } from 'node:fs';

/** The environment that fixtures and examples are loaded with. */
export const FIXTURE_ENV = {
  PORT: '8080',
  SLUICE_TEST_WORD: 'hunter2',
  SLUICE_ADMIN_TOKEN: 'admin-token-of-the-tests',
  SLUICE_REDIS_URL: 'redis://:redis-password-of-the-tests@127.0.0.1:6379',
  SLUICE_REDIS_PASSWORD: 'redis-password-of-the-tests',
  SLUICE_PEER_SECRET: 'peer-secret-of-the-tests',
  SLUICE_ETCD_PASSWORD: 'etcd-password-of-the-tests',
  SLUICE_DEMO_UPSTREAM: 'http://127.0.0.1:3999',
} as const;

export interface Fixture {
  readonly name: string;
  /** As the tests print it: from the checkout's root. */
  readonly file: string;
  readonly text: string;
}

function yamlFiles(directory: string): Fixture[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({
      name: name.slice(0, -'.yaml'.length),
      file: `${directory}/${name}`,
      text: readFileSync(`${directory}/${name}`, 'utf8'),
    }));
}

/** `config/invalid/*.yaml`, each with the faults it expects in its first lines. */
export const invalidFixtures = (): Fixture[] => yamlFiles('config/invalid');
/** `config/sluice.yaml` and `config/examples/*.yaml`. */
export const validExamples = (): Fixture[] => [...yamlFiles('config'), ...yamlFiles('config/examples')];

/** A small valid configuration to change in tests. */
export const SMALL = `upstreams:
  api:
    servers: [http://127.0.0.1:3000]
routes:
  - upstream: api
    limits: [per-client]
limits:
  per-client:
    key: ip
    rate: 100/1m
`;
