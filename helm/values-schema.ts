/** The JSON Schema of the chart's values: the gateway's own schema under `config`, and strict objects around it. */
import { printedSchema } from '../src/config/json-schema.ts';

/** A JSON Schema, as far as it is written here. */
export type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const seconds: Schema = { type: 'integer', minimum: 0 };
const count: Schema = { type: 'integer', minimum: 1 };
const port: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
const percent: Schema = { type: ['integer', 'null'], minimum: 1 };
const texts: Schema = { type: 'object', additionalProperties: { type: 'string' } };
/** What Kubernetes defines is handed on as it is; the cluster checks it. */
const anyObject: Schema = { type: 'object' };
const objects: Schema = { type: 'array', items: { type: 'object' } };
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const word = (...words: readonly (string | null)[]): Schema => ({ enum: words });
const name: Schema = { type: 'string', pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', maxLength: 253 };
const amount: Schema = {
  anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string', pattern: '^\\d+%$' }, { type: 'null' }],
};
const interval: Schema = { type: 'string', pattern: '^(\\d+(ms|s|m|h|d))*$' };

const strict = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const pullPolicy = word('Always', 'IfNotPresent', 'Never');
const probe = strict({
  initialDelaySeconds: seconds,
  periodSeconds: count,
  timeoutSeconds: count,
  failureThreshold: count,
  successThreshold: count,
});
const CREDENTIALS = ['adminToken', 'peerSecret', 'redisUrl', 'redisPassword', 'sentinelPassword', 'etcdPassword'];
const each = (names: readonly string[], schema: Schema): Record<string, Schema> =>
  Object.fromEntries(names.map((key) => [key, schema]));

const VALUES = {
  configReload: word('rollout', 'live'),
  replicaCount: { type: 'integer', minimum: 0 },
  image: strict({
    repository: { type: 'string', minLength: 1 },
    tag: text,
    digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
    pullPolicy,
  }),
  imagePullSecrets: objects,
  nameOverride: name,
  fullnameOverride: name,
  commonLabels: texts,
  secrets: strict({
    existingSecret: name,
    keys: strict(each(CREDENTIALS, text)),
    ...each(CREDENTIALS, text),
    adminToken: { type: 'string', pattern: '^[\\x21-\\x7e]*$' },
    peerSecret: { type: 'string', pattern: '^(.{16,})?$' },
    redisUrl: { type: 'string', pattern: '^(rediss?://.+)?$' },
  }),
  ports: strict({ http: port, admin: port, peers: port }),
  ipFamily: word('IPv4', 'IPv6'),
  clusterDomain: name,
  service: strict({
    type: word('ClusterIP', 'NodePort', 'LoadBalancer'),
    port,
    nodePort: orNull(port),
    annotations: texts,
    externalTrafficPolicy: word('Cluster', 'Local', null),
    loadBalancerClass: orNull(text),
    loadBalancerSourceRanges: { type: 'array', items: { type: 'string' } },
  }),
  ingress: strict({
    enabled: flag,
    className: text,
    annotations: texts,
    hosts: {
      type: 'array',
      items: strict({ host: { type: 'string', minLength: 1 }, path: { type: 'string', pattern: '^/' } }, ['host']),
    },
    tls: objects,
  }),
  serviceAccount: strict({ create: flag, name, annotations: texts }),
  podAnnotations: texts,
  podLabels: texts,
  podSecurityContext: anyObject,
  securityContext: anyObject,
  resources: strict({ requests: anyObject, limits: anyObject, claims: objects }),
  extraEnv: { type: 'array', items: { type: 'object', required: ['name'] } },
  extraEnvFrom: objects,
  extraVolumes: { type: 'array', items: { type: 'object', required: ['name'] } },
  extraVolumeMounts: { type: 'array', items: { type: 'object', required: ['name', 'mountPath'] } },
  nodeSelector: texts,
  tolerations: objects,
  affinity: anyObject,
  topologySpreadConstraints: orNull(objects),
  priorityClassName: text,
  updateStrategy: strict({ type: word('RollingUpdate', 'Recreate'), rollingUpdate: orNull(anyObject) }),
  revisionHistoryLimit: { type: 'integer', minimum: 0 },
  preStopSeconds: seconds,
  terminationGracePeriodSeconds: orNull(seconds),
  probes: strict({ startup: probe, readiness: probe, liveness: probe }),
  autoscaling: strict({
    enabled: flag,
    minReplicas: count,
    maxReplicas: count,
    targetCPUUtilizationPercentage: percent,
    targetMemoryUtilizationPercentage: percent,
    behavior: anyObject,
  }),
  podDisruptionBudget: strict({ enabled: flag, minAvailable: amount, maxUnavailable: amount }),
  networkPolicy: strict({
    enabled: flag,
    from: objects,
    adminFrom: objects,
    egress: strict({ enabled: flag, rules: objects }),
  }),
  metrics: strict({
    serviceMonitor: strict({
      enabled: flag,
      labels: texts,
      interval,
      scrapeTimeout: interval,
      relabelings: objects,
      metricRelabelings: objects,
    }),
    prometheusRule: strict({ enabled: flag, labels: texts, additionalGroups: objects }),
    dashboards: strict({ enabled: flag, labels: texts, annotations: texts, namespace: name }),
  }),
  redis: strict({
    enabled: flag,
    image: strict({ repository: { type: 'string', minLength: 1 }, tag: { type: 'string', minLength: 1 }, pullPolicy }),
    maxMemory: { type: 'string', pattern: '^\\d+(b|k|kb|m|mb|g|gb)?$' },
    resources: anyObject,
  }),
  /** Helm hands it to every chart that is part of another. */
  global: anyObject,
} as const satisfies Readonly<Record<string, Schema>>;

/** The schema of values.yaml. `descriptions` are those of the values, by path, as in its comments. */
export function valuesSchema(descriptions: ReadonlyMap<string, string>): Schema {
  const schema = strict({ config: configSchema(), ...VALUES });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the Sluice chart',
    ...describe(schema, '', descriptions),
  };
}

/**
 * The gateway's schema, less what the chart adds: nobody has to write `peers.listen`. Empty is the demonstration. What
 * remains to be found wrong is found by the templates and by the gateway itself.
 */
function configSchema(): Schema {
  const { $schema: _, $id: __, title: ___, ...schema } = JSON.parse(printedSchema()) as Record<string, unknown>;
  const { redis, peers, ...others } = schema['properties'] as Record<string, Schema>;
  const { oneOf: ____, ...redisWithoutUrl } = redis ?? {};
  const properties = { ...others, redis: redisWithoutUrl, peers: { ...peers, required: [] } };
  return { type: 'object', if: { maxProperties: 0 }, else: { ...schema, properties } };
}

function describe(schema: Schema, path: string, descriptions: ReadonlyMap<string, string>): Schema {
  const description = descriptions.get(path);
  const own = description === undefined ? schema : { description, ...schema };
  // The gateway's schema has descriptions of its own.
  if (path === 'config' || typeof schema['properties'] !== 'object') return own;
  const properties = Object.entries(schema['properties'] as Record<string, Schema>).map(([key, inner]) => [
    key,
    describe(inner, path === '' ? key : `${path}.${key}`, descriptions),
  ]);
  return { ...own, properties: Object.fromEntries(properties) };
}
