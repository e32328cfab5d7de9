import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { requireServer } from '../../test/support/servers.ts';
import type { Contestant, Running, Setting } from '../contestant.ts';
import { startServer } from '../process.ts';

/** What each location adds to plain forwarding. */
interface Parts {
  readonly modules?: string;
  readonly http?: (setting: Setting) => string;
  readonly location?: string;
}

const ABOUT = 'nginx of Debian, one worker, keep-alive to client and upstream, no access log';

export const nginxPlain: Contestant = {
  name: 'nginx',
  about: ABOUT,
  asksRedis: false,
  start: (setting) => startNginx(setting, {}),
};

/** Leaky bucket: `limit` an hour refills, `limit` is the burst. */
export const nginxLimitReq: Contestant = {
  name: 'nginx limit_req',
  about: `${ABOUT}; limit_req per key, in shared memory of this host`,
  asksRedis: false,
  start: (setting) =>
    startNginx(setting, {
      // limit_req knows rates from 1/m up and bursts up to 10 million.
      http: ({ limit }) => `
        limit_req_zone $http_x_api_key zone=keys:64m rate=${Math.min(1_000_000, Math.max(1, Math.round(limit / 60)))}r/m;
        limit_req_status 429;
        limit_req_log_level info;
        limit_req zone=keys burst=${Math.min(limit, 10_000_000)} nodelay;`,
    }),
};

export const nginxLuaSliding = nginxLua('sliding-window');
export const nginxLuaFixed = nginxLua('fixed-window');

function nginxLua(algorithm: 'sliding-window' | 'fixed-window'): Contestant {
  const folder = import.meta.dirname;
  return {
    name: `nginx + Lua + Redis, ${algorithm.replace('-window', '')}`,
    about: `${ABOUT}; libnginx-mod-http-lua, lua-nginx-redis with pooled connections, one EVALSHA a request`,
    asksRedis: true,
    start: (setting) =>
      startNginx(setting, {
        modules: `
          load_module ${requireServer('nginx-lua').replace('ngx_http_lua', 'ndk_http')};
          load_module ${requireServer('nginx-lua')};`,
        http: ({ redisPort, limit }) => `
          lua_package_path "${folder}/?.lua;/usr/share/lua/5.1/?.lua;;";
          init_by_lua_block {
            limiter = require("limiter").new({
              script = "${folder}/${algorithm}.redis.lua", port = ${redisPort}, limit = ${limit}, pool = 256,
            })
          }`,
        location: 'access_by_lua_block { limiter:check(ngx.var.http_x_api_key) }',
      }),
  };
}

async function startNginx(setting: Setting, parts: Parts): Promise<Running> {
  const port = await freePort();
  return await runNginx(
    setting.dir,
    port,
    `
    ${parts.http?.(setting) ?? ''}
    upstream backend { server 127.0.0.1:${setting.upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
    server {
      listen 127.0.0.1:${port} backlog=1024;
      location / {
        ${parts.location ?? ''}
        proxy_pass http://backend;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      }
    }`,
    parts.modules,
  );
}

/** The service behind every contestant: 200 and a small body, at once. */
export async function startUpstream(dir: string): Promise<Running> {
  const port = await freePort();
  return await runNginx(
    dir,
    port,
    `server { listen 127.0.0.1:${port} backlog=1024; default_type text/plain; location / { return 200 "hello from upstream\\n"; } }`,
  );
}

async function runNginx(dir: string, port: number, http: string, modules = ''): Promise<Running> {
  mkdirSync(join(dir, 'logs'), { recursive: true });
  const config = join(dir, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${dir}/${name};`,
  );
  writeFileSync(
    config,
    `
    ${modules}
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 1;
    pid ${dir}/nginx.pid;
    error_log stderr warn;
    events { worker_connections 8192; }
    http {
      access_log off;
      tcp_nodelay on;
      keepalive_timeout 300s;
      keepalive_requests 1000000000;
      ${temporary.join(' ')}
      ${http}
    }\n`,
  );
  return await startServer(requireServer('nginx'), ['-p', dir, '-c', config], port);
}
