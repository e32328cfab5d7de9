/** What `GET /v1/events` sends once a second. */
import type { Static } from 'typebox';
import { Type } from 'typebox';
import { PeersReport } from '../peers-report.ts';
import { LimitSummary } from '../schemas.ts';

const PerSecond = Type.Number({ minimum: 0, description: 'Per second.' });

const Quantiles = Type.Object(
  { p50: Type.Number(), p99: Type.Number() },
  { description: 'Seconds, out of a histogram. Left out: nothing happened.' },
);

const TopKey = Type.Object({ key: Type.String(), count: Type.Integer() });

const Top = Type.Object(
  {
    seconds: Type.Number({ description: 'Time that the counts cover.' }),
    asked: Type.Array(TopKey),
    refused: Type.Array(TopKey),
  },
  { description: 'Busiest keys on this instance. Left out: there are busier limits; ask GET /v1/top.' },
);

const Limit = Type.Object({
  ...LimitSummary.properties,
  allowedPerSecond: PerSecond,
  deniedPerSecond: PerSecond,
  shadowDeniedPerSecond: PerSecond,
  top: Type.Optional(Top),
});

export const Snapshot = Type.Object(
  {
    version: Type.String(),
    instance: Type.String({ description: 'This instance, unique among those that share a store.' }),
    at: Type.String({ format: 'date-time' }),
    startedAt: Type.String({ format: 'date-time' }),
    ready: Type.Boolean(),
    reasons: Type.Array(Type.String(), { description: 'Why it is not ready.' }),
    seconds: Type.Number({ description: 'Time over which rates were taken; 0 in the first one: no rates yet.' }),
    requests: Type.Object({
      allowedPerSecond: PerSecond,
      deniedPerSecond: PerSecond,
      shadowDeniedPerSecond: PerSecond,
      errorPerSecond: PerSecond,
      inFlight: Type.Integer(),
      latency: Type.Optional(Quantiles),
    }),
    decisions: Type.Object({
      allowedPerSecond: PerSecond,
      deniedPerSecond: PerSecond,
      shadowDeniedPerSecond: PerSecond,
      fallbackPerSecond: PerSecond,
      latency: Type.Optional(Quantiles),
    }),
    store: Type.Optional(
      Type.Object({
        kind: Type.Union([Type.Literal('single'), Type.Literal('cluster'), Type.Literal('sentinel')]),
        circuit: Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half_open')]),
        instances: Type.Integer({ description: 'Live instances that share it.' }),
        callsPerSecond: PerSecond,
        errorsPerSecond: PerSecond,
        errors: Type.Record(Type.String(), Type.Integer(), { description: 'By kind, since the process started.' }),
        latency: Type.Optional(Quantiles),
      }),
    ),
    counters: Type.Integer({ description: 'Held in memory.' }),
    limits: Type.Array(Limit),
    fleetTop: Type.Boolean({ description: 'Whether GET /v1/top?fleet=true can be asked.' }),
    limitsLeftOut: Type.Integer({ description: 'Limits beyond those listed.' }),
    peers: PeersReport,
    peersLeftOut: Type.Integer({ description: 'Hosts beyond those listed.' }),
    reload: Type.Optional(
      Type.Object(
        {
          at: Type.String({ format: 'date-time' }),
          result: Type.Union([Type.Literal('success'), Type.Literal('unchanged'), Type.Literal('failure')]),
          changes: Type.Array(Type.String()),
          faults: Type.Array(Type.String()),
        },
        { description: 'The last one. Left out: none yet.' },
      ),
    ),
  },
  { description: 'One instance, now.' },
);

export type Snapshot = Static<typeof Snapshot>;
export type SnapshotLimit = Static<typeof Limit>;
