import type { Board } from './board.ts';
import { CHOSEN, quantile, rate } from './board.ts';

export const stores: Board = {
  uid: 'sluice-stores',
  title: 'Sluice: Redis and peers',
  description: 'Whether gateways reach Redis and each other.',
  rows: [
    {
      title: 'Redis',
      panels: [
        {
          kind: 'graph',
          title: 'Time of a call',
          description: 'There and back; a decision waits for it.',
          unit: 's',
          min: 0,
          queries: [0.5, 0.99].map((q) => ({
            expr: quantile(q, 'sluice_store_roundtrip_seconds'),
            legend: `p${q * 100}`,
          })),
        },
        {
          kind: 'graph',
          title: 'Calls and failures',
          description: 'Calls each second, and failed ones by kind.',
          unit: 'ops',
          min: 0,
          queries: [
            { expr: `sum(${rate('sluice_store_roundtrip_seconds_count', 'job')})`, legend: 'answered' },
            { expr: rate('sluice_store_errors_total', 'kind'), legend: '{{kind}}' },
          ],
        },
        {
          kind: 'graph',
          title: 'Circuits that are not closed',
          description: 'Instances that have stopped asking Redis, or try it again.',
          unit: 'short',
          min: 0,
          queries: [
            {
              expr: `sum by (state) (sluice_store_circuit_state{${CHOSEN},state!="closed"})`,
              legend: '{{state}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Checks in a call',
          description: 'Median and 99th percentile of the checks that travelled together.',
          unit: 'short',
          min: 0,
          queries: [0.5, 0.99].map((q) => ({ expr: quantile(q, 'sluice_store_batch_checks'), legend: `p${q * 100}` })),
        },
      ],
    },
    {
      title: 'Peers',
      panels: [
        {
          kind: 'graph',
          title: 'Other hosts, by state',
          description: 'Lowest number alive and highest number of the others that any instance sees.',
          unit: 'short',
          min: 0,
          queries: [
            { expr: `min(sluice_peers{${CHOSEN},state="alive"})`, legend: 'alive' },
            { expr: `max by (state) (sluice_peers{${CHOSEN},state!="alive"})`, legend: '{{state}}' },
          ],
        },
        {
          kind: 'graph',
          title: 'Messages dropped unread',
          description: 'By reason: a wrong secret, another version, a clock that is off, garbage, repetition.',
          unit: 'ops',
          min: 0,
          queries: [{ expr: rate('sluice_peer_refusals_total', 'reason'), legend: '{{reason}}' }],
        },
        {
          kind: 'graph',
          title: 'Terms of elected leaders',
          description: 'Rises with each election of a slot; 0: no leader known to some instance.',
          unit: 'short',
          min: 0,
          queries: [{ expr: `min by (slot) (sluice_leader_term{${CHOSEN}})`, legend: 'slot {{slot}}' }],
        },
        {
          kind: 'graph',
          title: 'Messages to and from other hosts',
          description: 'By what they serve and direction.',
          unit: 'ops',
          min: 0,
          queries: [
            { expr: rate('sluice_peer_messages_total', 'sharing, direction'), legend: '{{sharing}} {{direction}}' },
          ],
        },
      ],
    },
  ],
};
