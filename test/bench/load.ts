/**
 * A closed loop of HTTP/1.1 requests over plain sockets: each connection sends the next request when the last was
 * answered. Plain sockets, because a client library would be slower than what is measured.
 */
import { connect, type Socket } from 'node:net';

export type Load = {
  readonly url: string;
  readonly connections: number;
  readonly durationMs: number;
  /** The bytes of the next request. */
  readonly next: () => string;
  /** Hears of every answer. */
  readonly onAnswer?: (status: number, body: string) => void;
};

export type Measured = {
  readonly requests: number;
  readonly perSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>;
};

/** A POST with a JSON body, as bytes. */
export function post(path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const fields = Object.entries({
    host: 'bench',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  });
  return `POST ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

export async function run(load: Load): Promise<Measured> {
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  const startedMs = performance.now();
  const endsMs = startedMs + load.durationMs;
  const onDone = (latencyMs: number, status: number, body: string): boolean => {
    latencies.push(latencyMs);
    statuses[status] = (statuses[status] ?? 0) + 1;
    load.onAnswer?.(status, body);
    return performance.now() < endsMs;
  };
  await Promise.all(Array.from({ length: load.connections }, () => converse(load, onDone)));
  const seconds = (performance.now() - startedMs) / 1_000;
  latencies.sort((left, right) => left - right);
  return {
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    latencyMs: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
    statuses,
  };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** One connection, until `onDone` says that it was the last. */
function converse(load: Load, onDone: (ms: number, status: number, body: string) => boolean): Promise<void> {
  const { hostname, port } = new URL(load.url);
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
    let received = '';
    let sentMs = 0;
    const send = (): void => {
      sentMs = performance.now();
      socket.write(load.next());
    };
    socket.setEncoding('latin1');
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (text: string) => {
      received += text;
      const answer = wholeAnswer(received);
      if (!answer) return;
      received = '';
      if (onDone(performance.now() - sentMs, answer.status, answer.body)) return send();
      socket.end();
      resolve();
    });
    socket.on('close', () => reject(new Error('the service closed the connection')));
  });
}

function wholeAnswer(text: string): { status: number; body: string } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
  const body = text.slice(headEnd + 4);
  return body.length < length ? undefined : { status: Number(text.slice(9, 12)), body };
}
