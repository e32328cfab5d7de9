import type { Board } from './board.ts';
import { CHOSEN, quantile, rate } from './board.ts';

export const overview: Board = {
  uid: 'sluice-overview',
  title: 'Sluice: overview',
  description: 'Is it well: traffic, refusals, errors and latency of the gateways and the services behind them.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'stat',
          title: 'Requests',
          description: 'Requests finished each second, whatever became of them.',
          unit: 'reqps',
          queries: [{ expr: `sum(${rate('sluice_requests_total', 'job')})`, legend: 'requests' }],
        },
        {
          kind: 'stat',
          title: 'Refused',
          description: 'Share of the requests that a limit refused.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum(${rate('sluice_requests_total', 'job', 'outcome="denied"')}) / sum(${rate('sluice_requests_total', 'job')})`,
              legend: 'refused',
            },
          ],
        },
        {
          kind: 'stat',
          title: 'Decided without a count',
          description:
            'Decisions a second that a failure policy took because the count could not be reached. Should be zero.',
          unit: 'ops',
          queries: [{ expr: `sum(${rate('sluice_fallback_decisions_total', 'job')})`, legend: 'by policy' }],
        },
        {
          kind: 'stat',
          title: 'Gateways',
          description: 'Instances that answered the last scrape.',
          unit: 'short',
          queries: [{ expr: `sum(sluice_build_info{${CHOSEN}})`, legend: 'instances' }],
        },
      ],
    },
    {
      title: 'Traffic',
      panels: [
        {
          kind: 'graph',
          title: 'Requests by outcome',
          description:
            'allowed, denied, shadow_denied (would have been refused), error (a fault: no route, bad request, service down, client gone).',
          unit: 'reqps',
          min: 0,
          stacked: true,
          queries: [{ expr: rate('sluice_requests_total', 'outcome'), legend: '{{outcome}}' }],
        },
        {
          kind: 'graph',
          title: 'Requests by route',
          description: 'Requests finished each second. Route none: no route matched.',
          unit: 'reqps',
          min: 0,
          queries: [{ expr: rate('sluice_requests_total', 'route'), legend: '{{route}}' }],
        },
        {
          kind: 'graph',
          title: 'Time of a whole exchange',
          description: 'From a request’s head to the end of its response, the service’s time included.',
          unit: 's',
          min: 0,
          queries: [0.5, 0.9, 0.99].map((q) => ({
            expr: quantile(q, 'sluice_request_duration_seconds'),
            legend: `p${q * 100}`,
          })),
        },
        {
          kind: 'graph',
          title: 'Time that deciding adds',
          description: '99th percentile of deciding one request’s limits, by way of sharing.',
          unit: 's',
          min: 0,
          queries: [{ expr: quantile(0.99, 'sluice_decision_duration_seconds', 'sharing'), legend: '{{sharing}}' }],
        },
      ],
    },
    {
      title: 'Services behind',
      panels: [
        {
          kind: 'graph',
          title: 'Errors of services',
          description:
            'Share of the requests that a service answered with 5xx or not at all. Refused requests never get there.',
          unit: 'percentunit',
          min: 0,
          queries: [
            {
              expr: `${rate('sluice_upstream_responses_total', 'upstream', 'code=~"5xx|failed"')} / ${rate('sluice_upstream_responses_total', 'upstream')}`,
              legend: '{{upstream}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Time of services',
          description: '99th percentile from sending a request to a service to the end of its response.',
          unit: 's',
          min: 0,
          queries: [{ expr: quantile(0.99, 'sluice_upstream_duration_seconds', 'upstream'), legend: '{{upstream}}' }],
        },
        {
          kind: 'graph',
          title: 'Retries and ejections',
          description: 'Requests sent again because a server failed them, and servers left out for a while.',
          unit: 'ops',
          min: 0,
          queries: [
            { expr: rate('sluice_upstream_retries_total', 'upstream'), legend: 'retries {{upstream}}' },
            { expr: rate('sluice_upstream_ejections_total', 'upstream, server'), legend: 'ejected {{server}}' },
          ],
        },
        {
          kind: 'graph',
          title: 'Requests in flight',
          description: 'Requests being worked on, by instance.',
          unit: 'short',
          min: 0,
          queries: [{ expr: `sum by (instance) (sluice_requests_in_flight{${CHOSEN}})`, legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          kind: 'graph',
          title: 'CPU',
          description: 'Cores used by each process; one process uses one core for JavaScript.',
          unit: 'short',
          min: 0,
          queries: [{ expr: rate('process_cpu_seconds_total', 'instance'), legend: '{{instance}}' }],
        },
        {
          kind: 'graph',
          title: 'Memory',
          description: 'Resident memory of each process.',
          unit: 'bytes',
          min: 0,
          queries: [{ expr: `process_resident_memory_bytes{${CHOSEN}}`, legend: '{{instance}}' }],
        },
        {
          kind: 'graph',
          title: 'Lateness of the event loop',
          description: '99th percentile of how late timers fire: a process is overloaded when this grows.',
          unit: 's',
          min: 0,
          queries: [{ expr: quantile(0.99, 'nodejs_eventloop_lag_seconds', 'instance'), legend: '{{instance}}' }],
        },
        {
          kind: 'graph',
          title: 'Reloads of the configuration',
          description: 'Reloads in the last hour, by result. A refused one leaves the old configuration in force.',
          unit: 'short',
          min: 0,
          queries: [
            {
              expr: `sum by (result) (increase(sluice_config_reloads_total{${CHOSEN}}[1h]))`,
              legend: '{{result}}',
            },
          ],
        },
      ],
    },
  ],
};
