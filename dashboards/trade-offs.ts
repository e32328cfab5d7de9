import type { Board } from './board.ts';
import { quantile, rate } from './board.ts';

const DECISIONS = rate('sluice_decisions_total', 'sharing');

export const tradeOffs: Board = {
  uid: 'sluice-trade-offs',
  title: 'Sluice: trade-offs',
  description: 'What each way of sharing costs here: latency, messages and accuracy, as measured on these gateways.',
  rows: [
    {
      title: 'Latency',
      panels: [
        {
          kind: 'graph',
          title: 'Time to decide, 99th percentile',
          description: 'Deciding one request’s limits of one way of sharing.',
          unit: 's',
          min: 0,
          queries: [{ expr: quantile(0.99, 'sluice_decision_duration_seconds', 'sharing'), legend: '{{sharing}}' }],
        },
        {
          kind: 'graph',
          title: 'Time to decide, median',
          description: 'Deciding one request’s limits of one way of sharing.',
          unit: 's',
          min: 0,
          queries: [{ expr: quantile(0.5, 'sluice_decision_duration_seconds', 'sharing'), legend: '{{sharing}}' }],
        },
      ],
    },
    {
      title: 'Messages',
      panels: [
        {
          kind: 'graph',
          title: 'Messages for each decision',
          description: 'Messages sent to other hosts, divided by the decisions they serve. For redis: calls to Redis.',
          unit: 'short',
          min: 0,
          queries: [
            {
              expr: `${rate('sluice_peer_messages_total', 'sharing', 'direction="sent",sharing!~"membership|top"')} / ${DECISIONS}`,
              legend: '{{sharing}}',
            },
            {
              expr: `sum(${rate('sluice_store_roundtrip_seconds_count', 'job')}) / sum(${rate('sluice_decisions_total', 'job', 'sharing="redis"')})`,
              legend: 'redis',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Bytes to other hosts',
          description:
            'Bytes sent, by what they serve; membership serves all ways of sharing, top an operator who asks for busiest keys.',
          unit: 'Bps',
          min: 0,
          queries: [{ expr: rate('sluice_peer_bytes_total', 'sharing', 'direction="sent"'), legend: '{{sharing}}' }],
        },
        {
          kind: 'graph',
          title: 'Messages to other hosts',
          description: 'Messages sent each second, all instances together.',
          unit: 'ops',
          min: 0,
          queries: [{ expr: rate('sluice_peer_messages_total', 'sharing', 'direction="sent"'), legend: '{{sharing}}' }],
        },
        {
          kind: 'graph',
          title: 'The busiest host’s messages',
          description:
            'Messages sent and received each second by the host that has most of them: where a leader shows.',
          unit: 'ops',
          min: 0,
          queries: [
            {
              expr: `max by (sharing) (${rate('sluice_peer_messages_total', 'sharing, instance')})`,
              legend: '{{sharing}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Accuracy',
      panels: [
        {
          kind: 'graph',
          title: 'Age of other hosts’ counts',
          description: '99th percentile when they arrive. Until then a host decides without them.',
          unit: 's',
          min: 0,
          queries: [{ expr: quantile(0.99, 'sluice_counter_staleness_seconds', 'sharing'), legend: '{{sharing}}' }],
        },
        {
          kind: 'graph',
          title: 'Units that may be admitted above a limit, estimated',
          description:
            'Decisions a second of the limits of a way of sharing × mean age of the counts they go by: what hosts can admit before they hear of each other. An upper estimate for all keys together; redis and local have none.',
          unit: 'short',
          min: 0,
          queries: [
            {
              expr: `${DECISIONS} * on (sharing) (${rate('sluice_counter_staleness_seconds_sum', 'sharing')} / ${rate('sluice_counter_staleness_seconds_count', 'sharing')})`,
              legend: '{{sharing}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Decided by failure policy',
          description: 'Part of the decisions taken without the shared count.',
          unit: 'percentunit',
          min: 0,
          queries: [
            {
              expr: `sum(${rate('sluice_fallback_decisions_total', 'job')}) / sum(${rate('sluice_decisions_total', 'job')})`,
              legend: 'by policy',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Checks for each call to Redis',
          description: 'How well batches are filled: more is cheaper.',
          unit: 'short',
          min: 0,
          queries: [
            {
              expr: `sum(${rate('sluice_store_batch_checks_sum', 'job')}) / sum(${rate('sluice_store_batch_checks_count', 'job')})`,
              legend: 'checks a call',
            },
          ],
        },
      ],
    },
  ],
};
