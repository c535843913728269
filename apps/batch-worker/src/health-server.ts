/** `/livez`, `/readyz` and `/metrics` of a worker, as the service has them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import {
  cannotListen,
  checkReadiness,
  systemTimers,
  type Config,
  type ListenAddress,
  type ReadinessProbe,
} from '#platform';

export type HealthServer = { readonly address: string; close(): Promise<void> };

/** Where it listens; null: nobody asks, and nothing listens. */
export function healthAddress({
  workerPort,
  host,
}: Pick<Config, 'workerPort' | 'host'>): ListenAddress | null {
  return workerPort === null ? null : { host, port: workerPort, variables: 'WORKER_PORT or HOST' };
}

/** @param at null: nothing listens. */
export async function serveHealth(
  at: ListenAddress | null,
  told: { readonly probes: readonly ReadinessProbe[]; readonly registry: Registry },
): Promise<HealthServer | null> {
  if (at === null) return null;
  const { host } = at;
  const server = createServer((request, reply) => {
    answer(request, reply, told).catch(() => reply.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(error, at)));
    server.listen(at.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { method, url }: IncomingMessage,
  reply: ServerResponse,
  { probes, registry }: { readonly probes: readonly ReadinessProbe[]; readonly registry: Registry },
): Promise<void> {
  const send = (status: number, type: string, body: string) =>
    void reply.writeHead(status, { 'content-type': type }).end(body);
  const json = (status: number, body: object) => send(status, 'application/json', JSON.stringify(body));
  if (method !== 'GET') return json(405, { ok: false });
  switch (url) {
    case '/livez':
      return json(200, { ok: true });
    case '/readyz': {
      const report = await checkReadiness(probes, systemTimers);
      return json(report.ok ? 200 : 503, report);
    }
    case '/metrics':
      return send(200, registry.contentType, await registry.metrics());
    default:
      return json(404, { ok: false });
  }
}
