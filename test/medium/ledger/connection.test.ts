/** The ledger's connections when the server or the network breaks them: an error for who asked, and nothing worse. */
import { expect, test } from '@jest/globals';
import { openPostgres, sql } from '#ledger';
import { SlowProxy } from '#simulation';
import { eventually } from '../../fixtures/holdfast.js';
import { describeWithPostgres, testPostgres } from '../../servers/index.js';

describeWithPostgres('a connection that breaks while it works', () => {
  test('fails what it was asked, is reported, and is replaced', async () => {
    const database = await testPostgres();
    const errors: Error[] = [];
    const db = openPostgres(database.url, (error) => void errors.push(error), { connectionsMax: 2 });
    try {
      const asked = sql`select pg_sleep(60)`.execute(db).catch((error: unknown) => error);
      await eventually('the connection that was asked is ended', async () => {
        const { rows } =
          await sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()
          and datname = current_database() and query = 'select pg_sleep(60)' and state = 'active'`.execute(
            db,
          );
        return rows.length > 0;
      });
      expect(await asked).toBeInstanceOf(Error);
      await eventually('the loss is reported', async () => errors.length > 0);
      const reported = errors.length;
      await db
        .transaction()
        .execute(async (tx) => {
          const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
          // Between two queries, when nobody waits for a reply: nothing but the connection itself says so.
          await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(db);
          await eventually('the connection is lost', async () => errors.length > reported);
        })
        .catch(() => undefined);
      expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
    } finally {
      await db.destroy();
      await database.stop();
    }
  });

  test('is given up once an answer is late, so that nobody else waits behind that question', async () => {
    const database = await testPostgres();
    const url = new URL(database.url);
    const proxy = await SlowProxy.listen(Number(url.port));
    url.host = `127.0.0.1:${proxy.port}`;
    const db = openPostgres(url.href, () => undefined, { connectionsMax: 1, queryTimeoutMs: 1_000 });
    try {
      await sql`select 1`.execute(db);
      proxy.slow(5_000);
      await expect(db.transaction().execute((tx) => sql`select 2`.execute(tx))).rejects.toThrow(
        'no answer within',
      );
      proxy.slow(0);
      // The replies to what was asked in those five seconds are still to come, on a connection that is nobody's any more.
      expect((await sql`select 3 as three`.execute(db)).rows).toEqual([{ three: 3 }]);
    } finally {
      await db.destroy();
      await proxy.stop();
      await database.stop();
    }
  });
});
