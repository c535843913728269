/**
 * PGlite for the other threads of the process: over a Unix socket, in PostgreSQL's own protocol, which it speaks. They
 * reach it as they would a server.
 *
 * It has one session, so connections take turns, among themselves and with whoever uses it in this thread: one keeps the
 * session from the first message until PostgreSQL says that no transaction is open. A connection that breaks in the
 * middle of one, because its thread has died, has it rolled back.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { InvariantError } from '#domain';

export interface ServedPGlite {
  /** For PostgreSQL's clients. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Serves until it is closed. Only the owner of this process may connect. */
export async function servePGlite(database: PGlite): Promise<ServedPGlite> {
  // A name that is short enough for a socket, in a folder that nobody else may enter.
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-pglite-'));
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    // What cannot be answered ends its connection: the other end reports it.
    converse(database, socket)
      .catch(() => undefined)
      .finally(() => socket.destroy());
  });
  await listen(server, path.join(folder, '.s.PGSQL.5432'));
  return {
    url: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of connections) socket.destroy();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listen(server: Server, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}

/** `Q`, its length, and the statement. */
const rollback = Buffer.from('Q\0\0\0\x0drollback\0', 'latin1');

/** One connection, from its first request to its end. */
async function converse(database: PGlite, socket: Socket): Promise<void> {
  const requests = requestsOf(socket);
  const next = async (): Promise<Buffer | undefined> => {
    // A connection that breaks is one that ends.
    const { value } = await requests.next().catch(() => ({ value: undefined }));
    return value ?? undefined;
  };
  for (let first = await next(); first; first = await next()) {
    const request = first;
    // oxlint-disable-next-line no-underscore-dangle -- it is how PGlite's own packages take the session
    await database._runExclusiveTransaction(async () => {
      let idle = await answer(database, socket, request);
      while (!idle) {
        const following = await next();
        if (!following) return void (await database.execProtocolRaw(rollback));
        idle = await answer(database, socket, following);
      }
    });
  }
}

/** Answers a whole request. @returns whether no transaction is open after it. */
async function answer(database: PGlite, socket: Socket, request: Buffer): Promise<boolean> {
  const reply = Buffer.from(await database.execProtocolRaw(request));
  socket.write(reply);
  const [kind, status] = reply.subarray(-6).toString('latin1').split('\0\0\0\x05');
  if (kind !== 'Z' || status === undefined) throw new InvariantError('PGlite is not ready for a query', {});
  return status === 'I';
}

/** SSLRequest and GSSENCRequest: declined, nobody else can listen to this socket. */
const encryptionRequests = new Set([80_877_103, 80_877_104]);

/** What PostgreSQL answers at once: the start, then everything up to a Query or a Sync. */
async function* requestsOf(socket: Socket): AsyncGenerator<Buffer, undefined> {
  let received = Buffer.alloc(0);
  let started = false;
  let end = 0;
  for await (const bytes of socket) {
    received = Buffer.concat([received, bytes as Buffer]);
    for (;;) {
      // Once it has started, a letter says what kind of message it is; its length counts itself and not the letter.
      const lengthAt = started ? end + 1 : end;
      if (received.length < lengthAt + 4) break;
      const messageEnd = lengthAt + received.readInt32BE(lengthAt);
      if (received.length < messageEnd) break;
      const kind = started ? String.fromCharCode(received[end]!) : 'start';
      end = messageEnd;
      if (kind === 'X') return undefined;
      if (!started && encryptionRequests.has(received.readInt32BE(4))) {
        socket.write('N');
      } else {
        started = true;
        if (kind !== 'start' && kind !== 'Q' && kind !== 'S') continue;
        yield received.subarray(0, end);
      }
      received = received.subarray(end);
      end = 0;
    }
  }
  return undefined;
}
