/** The embedded database as the other threads of the process reach it: in PostgreSQL's protocol, taking turns. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { PGlite } from '@electric-sql/pglite';
import { Client, Pool } from 'pg';
import { servePGlite, type ServedPGlite } from '#platform';

let database: PGlite;
let served: ServedPGlite;
let pool: Pool;

beforeAll(async () => {
  database = await PGlite.create();
  await database.exec('create table account (name text primary key, units bigint not null)');
  served = await servePGlite(database);
  pool = new Pool({ connectionString: served.url, max: 8 });
});
afterAll(async () => {
  await pool.end();
  await served.close();
  await database.close();
});
beforeEach(async () => {
  await database.exec("truncate account; insert into account values ('a', 0), ('b', 0)");
});

async function client(): Promise<Client> {
  const one = new Client({ connectionString: served.url });
  one.on('error', () => undefined);
  await one.connect();
  return one;
}

const unitsOf = async (name: string): Promise<number> =>
  Number((await pool.query('select units from account where name = $1', [name])).rows[0].units);

test('answers what a server would: rows, bytes, errors with their codes', async () => {
  const long = 'x'.repeat(300_000);
  const { rows } = await pool.query('select $1::text as text, $2::bytea as bytes, $3::bigint as number', [
    long,
    Buffer.from([0, 1, 255]),
    5,
  ]);
  expect(rows).toEqual([{ text: long, bytes: Buffer.from([0, 1, 255]), number: '5' }]);
  await expect(pool.query("insert into account values ('a', 1)")).rejects.toMatchObject({ code: '23505' });
  await expect(pool.query('select nothing')).rejects.toMatchObject({ code: '42703' });
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
});

test('transactions of many connections, and of this thread, do not mix', async () => {
  const move = async (): Promise<void> => {
    const one = await pool.connect();
    try {
      await one.query('begin');
      const { rows } = await one.query("select units from account where name = 'a'");
      await one.query("update account set units = $1 where name = 'a'", [Number(rows[0].units) + 1]);
      await one.query("update account set units = units - 1 where name = 'b'");
      await one.query('commit');
    } finally {
      one.release();
    }
  };
  const moveHere = (): Promise<void> =>
    database.transaction(async (here) => {
      const { rows } = await here.query<{ units: number }>("select units from account where name = 'a'");
      await here.query("update account set units = $1 where name = 'a'", [rows[0]!.units + 1]);
      await here.query("update account set units = units - 1 where name = 'b'");
    });
  // Read, then written: without turns some of the hundred would be lost.
  await Promise.all(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? move() : moveHere())));
  expect([await unitsOf('a'), await unitsOf('b')]).toEqual([100, -100]);
});

test('a connection that breaks in the middle of a transaction leaves nothing of it, and holds up nobody', async () => {
  const dying = await client();
  await dying.query('begin');
  await dying.query('update account set units = 1000');
  const waiting = unitsOf('a');
  (dying as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  expect(await waiting).toBe(0);
});

test('a failed transaction is its own: the next connection begins anew', async () => {
  const failing = await client();
  await failing.query('begin');
  await expect(failing.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' });
  const waiting = unitsOf('b');
  await failing.end();
  expect(await waiting).toBe(0);
});
