import type { Board } from './board.ts';
import { CHOSEN, quantile, RANGE, rate } from './board.ts';

export const limits: Board = {
  uid: 'sluice-limits',
  title: 'Sluice: limits',
  description: 'Who is close, who is refused. Keys are on no dashboard: GET /v1/top and sluice top show them.',
  rows: [
    {
      title: 'Refused',
      panels: [
        {
          kind: 'graph',
          title: 'Refusals by limit',
          description: 'Decisions of a limit that refused a request.',
          unit: 'ops',
          min: 0,
          queries: [{ expr: rate('sluice_decisions_total', 'limit', 'verdict="denied"'), legend: '{{limit}}' }],
        },
        {
          kind: 'graph',
          title: 'Share refused',
          description: 'Part of a limit’s decisions that refused.',
          unit: 'percentunit',
          min: 0,
          max: 1,
          queries: [
            {
              expr: `${rate('sluice_decisions_total', 'limit', 'verdict="denied"')} / ${rate('sluice_decisions_total', 'limit')}`,
              legend: '{{limit}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'What limits in shadow mode would refuse',
          description: 'Decisions of limits that only watch.',
          unit: 'ops',
          min: 0,
          queries: [{ expr: rate('sluice_decisions_total', 'limit', 'verdict="shadow_denied"'), legend: '{{limit}}' }],
        },
        {
          kind: 'graph',
          title: 'Refused from memory',
          description: 'Refusals that cost no trip, because the key was known to be over its limit.',
          unit: 'ops',
          min: 0,
          queries: [{ expr: rate('sluice_local_denials_total', 'limit'), legend: '{{limit}}' }],
        },
      ],
    },
    {
      title: 'Close',
      panels: [
        {
          kind: 'graph',
          title: 'Requests that find nine tenths of their limit used',
          description: 'Part of the decisions whose key had used more than 90 % of the limit, that request included.',
          unit: 'percentunit',
          min: 0,
          max: 1,
          queries: [
            {
              expr: `1 - ${rate('sluice_limit_used_ratio_bucket', 'limit', 'le="0.9"')} / ${rate('sluice_limit_used_ratio_count', 'limit')}`,
              legend: '{{limit}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'How much of its limit the usual request finds used',
          description: 'Median and 90th percentile over requests, not over keys; at most 1.',
          unit: 'percentunit',
          min: 0,
          max: 1,
          queries: [0.5, 0.9].map((q) => ({
            expr: quantile(q, 'sluice_limit_used_ratio', 'limit'),
            legend: `{{limit}} p${q * 100}`,
          })),
        },
      ],
    },
    {
      title: 'Decisions',
      panels: [
        {
          kind: 'graph',
          title: 'Decisions by limit',
          description: 'Every request asks each limit of its route.',
          unit: 'ops',
          min: 0,
          queries: [{ expr: rate('sluice_decisions_total', 'limit, sharing'), legend: '{{limit}} ({{sharing}})' }],
        },
        {
          kind: 'graph',
          title: 'Decided by failure policy',
          description: 'The count could not be reached. Should be zero.',
          unit: 'ops',
          min: 0,
          queries: [
            { expr: rate('sluice_fallback_decisions_total', 'limit, policy'), legend: '{{limit}}: {{policy}}' },
          ],
        },
        {
          kind: 'graph',
          title: 'Counters in memory',
          description: 'Counters held by each instance; above memory.maxKeys the least used are forgotten.',
          unit: 'short',
          min: 0,
          queries: [
            { expr: `sum by (instance) (sluice_counters{${CHOSEN}})`, legend: '{{instance}}' },
            {
              expr: `sum by (instance) (increase(sluice_counters_evicted_total{${CHOSEN}}${RANGE}))`,
              legend: '{{instance}} forgotten early',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Units of leases',
          description: 'Units of hot keys bought ahead, used, given back, expired (lease: auto).',
          unit: 'ops',
          min: 0,
          queries: [{ expr: rate('sluice_lease_units_total', 'result'), legend: '{{result}}' }],
        },
      ],
    },
  ],
};
