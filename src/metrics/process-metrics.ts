/**
 * The process's own numbers, by the names that everybody's dashboards know. A subset of our own: `promtool check metrics`
 * refuses some of the client library's defaults (gauges named `_total`, a ratio without a base unit).
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.ts';
import { HistogramFamily, ReadCounter } from './cells.ts';
import type { Exposition } from './exposition.ts';

/** How often the event loop's lateness is sampled. Fifty wake-ups a second cost less than a thousandth of a core. */
const LAG_SAMPLE_MS = 20;
const LAG_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

/** Registers them and starts sampling; the returned timer stops the sampling. */
export function addProcessMetrics(exposition: Exposition, clock: Clock): Timer {
  const startTime = clock.now() / 1000 - process.uptime();
  const lag = new HistogramFamily(
    'nodejs_eventloop_lag_seconds',
    `How late the event loop ran a timer, sampled every ${LAG_SAMPLE_MS} ms.`,
    [],
    LAG_BUCKETS,
  );
  const cell = lag.cell();
  exposition.addFamilies([
    new ReadCounter('process_cpu_seconds_total', 'User and system CPU time spent, in seconds.', cpuSeconds),
    lag,
  ]);
  exposition.addGauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process since the Unix epoch, in seconds.',
    read: () => startTime,
  });
  exposition.addGauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    read: () => process.memoryUsage.rss(),
  });
  exposition.addGauge({
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
    read: openFileDescriptors,
  });
  exposition.addGauge({
    name: 'process_max_fds',
    help: 'Maximum number of open file descriptors.',
    read: maxFileDescriptors,
  });
  exposition.addGauge({
    name: 'nodejs_heap_size_used_bytes',
    help: 'JavaScript heap in use, in bytes.',
    read: () => process.memoryUsage().heapUsed,
  });
  exposition.addGauge({
    name: 'nodejs_external_memory_bytes',
    help: 'Memory outside the JavaScript heap that its objects hold, in bytes.',
    read: () => process.memoryUsage().external,
  });

  let last = clock.monotonic();
  return clock.every(LAG_SAMPLE_MS, () => {
    const now = clock.monotonic();
    cell.observe(Math.max(0, now - last - LAG_SAMPLE_MS) / 1000);
    last = now;
  });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Linux only; elsewhere the series is absent. Reading /proc does not block: it is the kernel's memory, not a disk. */
function openFileDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length - 1; // minus the one that lists them
  } catch {
    return undefined;
  }
}

function maxFileDescriptors(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
