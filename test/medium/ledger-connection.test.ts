/** The ledger's connections when the server breaks them: an error for who asked, and nothing worse. */
import { expect, test } from '@jest/globals';
import { openPostgres, sql } from '#ledger';
import { eventually } from '../fixtures/holdfast.js';
import { describeWithPostgres, testPostgres } from '../servers/index.js';

describeWithPostgres('a connection that breaks while it works', () => {
  test('fails what it was asked, is reported, and is replaced', async () => {
    const database = await testPostgres();
    const errors: Error[] = [];
    const db = openPostgres(database.url, (error) => void errors.push(error), { connectionsMax: 2 });
    try {
      const asked = sql`select pg_sleep(60)`.execute(db).catch((error: unknown) => error);
      // While it is asked.
      const between = db.transaction().execute(async (tx) => {
        await sql`select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%'
          and pid <> pg_backend_pid() and datname = current_database()`.execute(tx);
      });
      expect(await asked).toBeInstanceOf(Error);
      await between;
      await db
        .transaction()
        .execute(async (tx) => {
          const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
          // Between two queries, when nobody waits for a reply: nothing but the connection itself says so.
          await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(db);
          await eventually('the connection is lost', async () => errors.length > 1);
        })
        .catch(() => undefined);
      expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
    } finally {
      await db.destroy();
      await database.stop();
    }
  });
});
