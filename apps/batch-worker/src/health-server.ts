/** `/livez`, `/readyz` and `/metrics` of a worker, as the service has them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { cannotListen, checkReadiness, systemTimers, type ReadinessProbe } from '#platform';

export type HealthServer = { readonly address: string; close(): Promise<void> };

/** @param where a port of null: nothing listens. */
export async function serveHealth(
  where: { readonly workerPort: number | null; readonly host: string },
  told: { readonly probes: readonly ReadinessProbe[]; readonly registry: Registry },
): Promise<HealthServer | null> {
  const { workerPort, host } = where;
  if (workerPort === null) return null;
  const server = createServer((request, reply) => {
    answer(request, reply, told).catch(() => reply.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(cannotListen(error, { host, port: workerPort, variables: 'WORKER_PORT or HOST' })),
    );
    server.listen(workerPort, host, resolve);
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
