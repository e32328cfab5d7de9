import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface DemoUpstream {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  close(): Promise<void>;
}

/** A service to throttle for whoever has none at hand: answers every request with what arrived. */
export async function startDemoUpstream(): Promise<DemoUpstream> {
  const server = createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      const body = `${JSON.stringify({ message: 'Hello from behind Sluice.', method: req.method, url: req.url, headers: req.headers }, undefined, 2)}\n`;
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      res.end(body);
    });
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
