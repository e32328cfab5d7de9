import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { requireServer } from '../../test/support/servers.ts';
import type { Contestant, Running, Setting } from '../contestant.ts';
import { WINDOW_SECONDS } from '../contestant.ts';
import { startServer } from '../process.ts';

const ABOUT = 'haproxy of Debian, one thread, keep-alive to client and upstream, no log';

export const haproxyPlain: Contestant = {
  name: 'haproxy',
  about: ABOUT,
  asksRedis: false,
  start: (setting) => startHaproxy(setting, ''),
};

export const haproxyStickTable: Contestant = {
  name: 'haproxy stick table',
  about: `${ABOUT}; http_req_rate per key in a stick table of this host`,
  asksRedis: false,
  start: (setting) =>
    startHaproxy(
      setting,
      `stick-table type string len 64 size 1m expire ${WINDOW_SECONDS}s store http_req_rate(${WINDOW_SECONDS}s)
  http-request track-sc0 req.hdr(x-api-key)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${setting.limit} }`,
    ),
};

async function startHaproxy(setting: Setting, rules: string): Promise<Running> {
  const port = await freePort();
  const config = join(setting.dir, 'haproxy.cfg');
  writeFileSync(
    config,
    `global
  nbthread 1
  maxconn 8192

defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 2s
  timeout client 300s
  timeout server 30s
  timeout http-keep-alive 300s

frontend in
  bind 127.0.0.1:${port}
  ${rules}
  option forwardfor
  default_backend out

backend out
  server one 127.0.0.1:${setting.upstreamPort} pool-max-conn 256
`,
  );
  return await startServer(requireServer('haproxy'), ['-db', '-f', config], port);
}
