/** What is counted: names, help, labels and buckets, in one place. Seconds and base units; no label can grow with traffic. */
import { CounterFamily, HistogramFamily } from './cells.ts';

/** A whole exchange: from a refusal out of memory to a streamed download. */
const EXCHANGE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** From a decision in memory (some µs) to a store that times out. */
const DECISION_SECONDS = [
  0.000001, 0.000002, 0.000005, 0.00001, 0.00002, 0.00003, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01,
  0.02, 0.03, 0.05, 0.1, 0.25, 1,
];
/** From keys that are far from their limit to those that are refused. */
const USED_PARTS = [0.25, 0.5, 0.75, 0.9, 0.95, 1];
const ROUNDTRIP_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1];
/** From a message within one rack to a host that was cut off for a minute. */
const STALENESS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30, 60];
const BATCH_CHECKS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export type Families = ReturnType<typeof createFamilies>;

export function createFamilies() {
  return {
    requests: new CounterFamily('sluice_requests_total', 'Requests finished, by what became of them.', [
      'route',
      'outcome',
    ]),
    requestDuration: new HistogramFamily(
      'sluice_request_duration_seconds',
      'From a request’s head to the end of its response, by class of status code.',
      ['route', 'code'],
      EXCHANGE_SECONDS,
    ),
    upstreamDuration: new HistogramFamily(
      'sluice_upstream_duration_seconds',
      'From sending a request upstream to the end of its response.',
      ['upstream'],
      EXCHANGE_SECONDS,
    ),
    upstreamResponses: new CounterFamily(
      'sluice_upstream_responses_total',
      'What a service answered, by class of status code; failed: no whole answer. Requests that were refused never get there.',
      ['upstream', 'code'],
    ),
    upstreamEjections: new CounterFamily(
      'sluice_upstream_ejections_total',
      'Times that a server was left out for a while because it kept failing.',
      ['upstream', 'server'],
    ),
    upstreamRetries: new CounterFamily(
      'sluice_upstream_retries_total',
      'Requests sent again because a server failed them.',
      ['upstream'],
    ),
    decisions: new CounterFamily('sluice_decisions_total', 'Decisions of single limits.', [
      'limit',
      'sharing',
      'verdict',
    ]),
    limitUsed: new HistogramFamily(
      'sluice_limit_used_ratio',
      'Part of the limit that a key had used at each decision, the request itself included; above 1: refused.',
      ['limit'],
      USED_PARTS,
    ),
    localDenials: new CounterFamily(
      'sluice_local_denials_total',
      'Decisions that were refused from memory because the key was known to be over its limit; also counted as denied.',
      ['limit'],
    ),
    decisionDuration: new HistogramFamily(
      'sluice_decision_duration_seconds',
      'Time to decide one request’s limits of one way of sharing.',
      ['sharing'],
      DECISION_SECONDS,
    ),
    storeRoundtrip: new HistogramFamily(
      'sluice_store_roundtrip_seconds',
      'One call to the store, there and back.',
      [],
      ROUNDTRIP_SECONDS,
    ),
    storeBatch: new HistogramFamily(
      'sluice_store_batch_checks',
      'Checks that travelled together in one call to the store.',
      [],
      BATCH_CHECKS,
    ),
    storeErrors: new CounterFamily('sluice_store_errors_total', 'Calls to the store that failed, by kind.', ['kind']),
    fallbacks: new CounterFamily(
      'sluice_fallback_decisions_total',
      'Decisions taken by a limit’s failure policy because its count could not be reached.',
      ['limit', 'policy'],
    ),
    leaseDecisions: new CounterFamily(
      'sluice_lease_decisions_total',
      'Decisions taken in memory from units bought ahead.',
      ['limit'],
    ),
    leaseUnits: new CounterFamily('sluice_lease_units_total', 'Units bought ahead, and what became of them.', [
      'limit',
      'result',
    ]),
    evicted: new CounterFamily(
      'sluice_counters_evicted_total',
      'Counters forgotten before their time because memory was at its cap.',
      ['sharing'],
    ),
    peerMessages: new CounterFamily(
      'sluice_peer_messages_total',
      'Messages to and from other hosts, by the way of sharing that they serve; membership serves all of them, top an operator.',
      ['sharing', 'direction'],
    ),
    peerBytes: new CounterFamily(
      'sluice_peer_bytes_total',
      'Bytes of those messages as they travel, without the headers of UDP, TCP and IP.',
      ['sharing', 'direction'],
    ),
    peerRefusals: new CounterFamily(
      'sluice_peer_refusals_total',
      'Messages of other hosts, or of strangers, that were dropped unread.',
      ['reason'],
    ),
    staleness: new HistogramFamily(
      'sluice_counter_staleness_seconds',
      'Age of other hosts’ counts when they arrive.',
      ['sharing'],
      STALENESS_SECONDS,
    ),
    traceSpans: new CounterFamily(
      'sluice_trace_spans_total',
      'Spans of traced requests: exported to the collector, dropped because too many waited, failed because it did not take them.',
      ['result'],
    ),
    configReloads: new CounterFamily('sluice_config_reloads_total', 'Configuration reloads, by result.', ['result']),
  };
}
