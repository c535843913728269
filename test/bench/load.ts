/**
 * HTTP/1.1 load over plain sockets, because a client library would be slower than what is measured. Closed loop: each
 * connection sends the next request when the last was answered, so a slow service is asked less. Open loop: requests
 * are due at a fixed rate whatever becomes of them, and the wait for a free connection counts.
 */
import { connect, type Socket } from 'node:net';

export type Load = {
  readonly url: string;
  readonly connections: number;
  readonly durationMs: number;
  /** The bytes of the next request. */
  readonly next: () => string;
  /** Requests due a second: open loop. Undefined: closed loop. */
  readonly offered?: number;
  /** How long it goes on before anything is measured: connections are new and code is cold at first. */
  readonly warmUpMs?: number;
  /** Hears of every answer. */
  readonly onAnswer?: (status: number, body: string) => void;
};

export type Measured = {
  readonly requests: number;
  readonly perSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number };
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
  const connections = await Promise.all(
    Array.from({ length: load.connections }, () => Connection.to(load.url)),
  );
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  const { warmUpMs = 0, offered } = load;
  const startedMs = performance.now();
  const durationMs = warmUpMs + load.durationMs;
  const send = async (connection: Connection, dueMs: number): Promise<void> => {
    const { status, body } = await connection.ask(load.next());
    if (dueMs >= startedMs + warmUpMs) latencies.push(performance.now() - dueMs);
    statuses[status] = (statuses[status] ?? 0) + 1;
    load.onAnswer?.(status, body);
  };
  if (offered === undefined) await closedLoop(connections, startedMs + durationMs, send);
  else await openLoop(connections, { startedMs, durationMs, perSecond: offered }, send);
  const seconds = (performance.now() - startedMs - warmUpMs) / 1_000;
  for (const connection of connections) connection.close();
  return { ...summary(latencies), perSecond: latencies.length / seconds, statuses };
}

/** Of latencies in milliseconds, which are sorted in place. */
export function summary(latencies: number[]): Pick<Measured, 'requests' | 'latencyMs'> {
  latencies.sort((left, right) => left - right);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { requests: latencies.length, latencyMs: { p50: at(0.5), p99: at(0.99), p999: at(0.999) } };
}

type Send = (connection: Connection, dueMs: number) => Promise<void>;

async function closedLoop(connections: readonly Connection[], endsMs: number, send: Send): Promise<void> {
  const converse = async (connection: Connection): Promise<void> => {
    while (performance.now() < endsMs) await send(connection, performance.now());
  };
  await Promise.all(connections.map(converse));
}

async function openLoop(
  connections: readonly Connection[],
  { startedMs, durationMs, perSecond }: { startedMs: number; durationMs: number; perSecond: number },
  send: Send,
): Promise<void> {
  const idle = [...connections];
  const under = new Set<Promise<void>>();
  const total = Math.floor((durationMs / 1_000) * perSecond);
  for (let sent = 0; sent < total;) {
    const dueMs = startedMs + (sent / perSecond) * 1_000;
    const connection = performance.now() >= dueMs ? idle.pop() : undefined;
    if (connection) {
      sent += 1;
      const answered = send(connection, dueMs).finally(() => {
        idle.push(connection);
        under.delete(answered);
      });
      under.add(answered);
    } else await pause();
  }
  await Promise.all(under);
}

/** A millisecond's sleep: whoever turned round instead would take a core from what it measures. */
function pause(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 1));
}

/** One request at a time. */
class Connection {
  private received = '';
  private resolve: ((answer: { status: number; body: string }) => void) | undefined;
  private reject: ((error: Error) => void) | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
      const answer = wholeAnswer(this.received);
      if (!answer) return;
      this.received = '';
      this.resolve?.(answer);
    });
    socket.on('error', (error) => this.reject?.(error));
    socket.on('close', () => this.reject?.(new Error('the service closed the connection')));
  }

  static to(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Connection(socket)));
    });
  }

  ask(request: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      [this.resolve, this.reject] = [resolve, reject];
      this.socket.write(request);
    });
  }

  close(): void {
    this.reject = undefined;
    this.socket.end();
  }
}

function wholeAnswer(text: string): { status: number; body: string } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
  const body = text.slice(headEnd + 4);
  return body.length < length ? undefined : { status: Number(text.slice(9, 12)), body };
}
