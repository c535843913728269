/** Versions beside each other on one ledger: what one has added is no business of the other. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import {
  IdempotencyRepository,
  migrate,
  migrationState,
  openPglite,
  openPostgres,
  pgliteParsers,
  sql,
  type Database,
} from '#ledger';
import { systemTimers } from '#platform';
import { eventually, sha256 } from '../../fixtures/holdfast.js';
import { describeWithPostgres, testPglite, testPostgres } from '../../servers/index.js';

async function expectToLeaveLaterStepsAlone(db: Database): Promise<void> {
  const all = await migrate(db);
  const step = '0013-captured-payments';
  expect(all).toContain(step);
  await sql`insert into kysely_migration (name, timestamp) values ('9999-later', now()::text)`.execute(db);
  expect(await migrate(db)).toEqual([]);
  expect(await migrationState(db)).toEqual({ taken: [...all, '9999-later'], missing: [] });
  // One that comes with a release of its own, after a later one was taken.
  await sql`delete from kysely_migration where name = ${step}`.execute(db);
  await sql`drop index payments_captured`.execute(db);
  expect(await migrationState(db)).toMatchObject({ missing: [step] });
  expect(await migrate(db)).toEqual([step]);
  await sql`insert into kysely_migration (name, timestamp) values ('9999-later-breaking', now()::text)`.execute(
    db,
  );
  await expect(migrate(db)).rejects.toThrow(
    'in a way that this one does not understand (9999-later-breaking)',
  );
}

test('a step that is not known is left alone, on PGlite', async () => {
  const { pglite, stop } = await testPglite({ parsers: pgliteParsers });
  await expectToLeaveLaterStepsAlone(openPglite(pglite));
  await stop();
}, 60_000);

describeWithPostgres('on a server', () => {
  test('a refusal is recorded for an instance that does not say what its request would have made', async () => {
    const database = await testPostgres();
    const db = openPostgres(database.url, () => undefined);
    await migrate(db);
    const key = { keyDigest: sha256('key'), fingerprint: sha256('body') };
    await sql`select * from idempotency_answer(${key.keyDigest}, ${key.fingerprint},
      ${'{409}'}::text::integer[], ${'{1}'}::text::integer[], ${'{first}'}::text::text[])`.execute(db);
    const request = { ...key, id: randomUUID(), status: 409, body: 'second' };
    expect(await new IdempotencyRepository(db).answer([request])).toEqual([
      { kind: 'answered', status: 409, body: 'first' },
    ]);
    await db.destroy();
    await database.stop();
  }, 60_000);

  test('a step that is not known is left alone', async () => {
    const database = await testPostgres();
    const db = openPostgres(database.url, () => undefined);
    await expectToLeaveLaterStepsAlone(db);
    await db.destroy();
    await database.stop();
  }, 60_000);

  test('steps wait for another process inside of their transaction, which a pooler keeps together, however impatient the role is', async () => {
    const database = await testPostgres();
    const other = openPostgres(database.url, () => undefined, { connectionsMax: 2 });
    const { pathname } = new URL(database.url);
    await sql`alter database ${sql.id(pathname.slice(1))} set statement_timeout = '200ms'`.execute(other);
    const db = openPostgres(database.url, () => undefined, { connectionsMax: 1 });
    let migrating: Promise<string[]> | undefined;
    await other.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(3853314791062309107)`.execute(tx);
      migrating = migrate(db);
      migrating.catch(() => undefined);
      await eventually('it waits in a transaction that began before', async () => {
        const { rows } = await sql`select from pg_stat_activity
          where datname = current_database() and wait_event = 'advisory' and xact_start < query_start`.execute(
          other,
        );
        return rows.length === 1;
      });
      await systemTimers.sleep(400);
    });
    expect(await migrating).toContain('0001-ledger');
    await other.destroy();
    await db.destroy();
    await database.stop();
  }, 60_000);
});
