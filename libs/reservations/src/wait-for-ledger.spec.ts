import { createServer, type Server } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { openPostgres } from '#ledger';
import { ConfigurationError, ServerAwayError } from '#platform';
import { waitForLedger } from './wait-for-ledger.js';

let server: Server | undefined;
afterEach(() => void server?.close());

/** Something that speaks PostgreSQL's protocol far enough to refuse. */
async function refusing(code: string): Promise<number> {
  const fields = `SFATAL\0VFATAL\0C${code}\0Mno such luck\0\0`;
  const refusal = Buffer.alloc(5 + fields.length);
  refusal.write('E');
  refusal.writeInt32BE(4 + fields.length, 1);
  refusal.write(fields, 5);
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.end(refusal));
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

async function outcome(
  port: number,
  waitMs: number,
): Promise<{ error: Error; slept: number; said: string[] }> {
  const db = openPostgres(`postgres://me:secret@127.0.0.1:${port}/db`, () => undefined, {
    connectionsMax: 1,
  });
  let nowMs = 0;
  let slept = 0;
  const said: string[] = [];
  const sleep = async (delayMs: number): Promise<void> => {
    nowMs += delayMs;
    slept += 1;
  };
  const clock = { monotonicMs: () => nowMs };
  const report = (message: string) => void said.push(message);
  try {
    const wait = waitForLedger(db, { waitMs, host: `127.0.0.1:${port}`, clock, timers: { sleep }, report });
    const error = await wait.then(
      () => new Error('it answered'),
      (thrown: Error) => thrown,
    );
    return { error, slept, said };
  } finally {
    await db.destroy();
  }
}

it('waits for one that starts, says so now and then, and gives up with what to do', async () => {
  const { error, slept, said } = await outcome(await refusing('57P03'), 4_000);
  expect(error).toBeInstanceOf(ServerAwayError);
  expect(error.message).toMatch(
    /did not answer within 4 s: no such luck\. Start it, or correct DATABASE_URL/,
  );
  expect(slept).toBe(16);
  expect(said).toHaveLength(2);
  expect(said.join()).not.toContain('secret');
});

it('waits where nobody listens', async () => {
  const port = await refusing('57P03');
  await new Promise((resolve) => server!.close(resolve));
  const { error, slept } = await outcome(port, 1_000);
  expect(error).toBeInstanceOf(ServerAwayError);
  expect(slept).toBe(4);
});

it.each(['28P01', '3D000'])('does not wait for what is wrongly configured (%s)', async (code) => {
  const { error, slept } = await outcome(await refusing(code), 4_000);
  expect(error).toEqual(new ConfigurationError('DATABASE_URL: no such luck'));
  expect(slept).toBe(0);
});
