/** Ports that nobody listens on: for a server that is started now, or for one that is killed and started again. */
import { type AddressInfo, createServer } from 'node:net';
import { systemRandom } from '../adapters/system.js';

const loopback = '127.0.0.1';
/** Below the range that Linux gives outgoing connections from. */
const lasting = { from: 10_000, count: 20_000 };

export function freePort(host = loopback): Promise<number> {
  return tryPort(0, host);
}

/** A free port that no outgoing connection takes while its server is away. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const wanted = lasting.from + Math.floor(systemRandom.fraction() * lasting.count);
    const port = await tryPort(wanted, loopback).catch(() => null);
    if (port !== null) return port;
  }
}

function tryPort(wanted: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
