import {
  migrate,
  openPglite,
  openPostgres,
  PartitionRepository,
  pgliteParsers,
  PostgresLedgerWriter,
  ReservationRepository,
  type Database,
} from '#ledger';
import { describeIdempotencyKeys } from '../../contract/idempotency-keys.suite.js';
import { describeLedger, type LedgerUnderTest } from '../../contract/ledger.suite.js';
import { describeLedgerWriter } from '../../contract/ledger-writer.suite.js';
import { describeWithPostgres, testPglite, testPostgres } from '../../servers/index.js';

async function onPglite(): Promise<LedgerUnderTest> {
  const { pglite, stop } = await testPglite({ parsers: pgliteParsers });
  const db = openPglite(pglite);
  await migrate(db);
  return { db, stop };
}

async function onPostgres(): Promise<LedgerUnderTest> {
  const database = await testPostgres();
  const db = openPostgres(database.url, () => undefined);
  await migrate(db);
  return {
    db,
    async stop() {
      await db.destroy();
      await database.stop();
    },
  };
}

const writerOn = (open: () => Promise<LedgerUnderTest>) => async () => {
  const { db, stop } = await open();
  const epoch = await openPartition(db);
  return { writer: new PostgresLedgerWriter(db), reservations: new ReservationRepository(db), epoch, stop };
};

async function openPartition(db: Database): Promise<number> {
  const partitions = new PartitionRepository(db);
  await partitions.initialise(1);
  const rebuilt = await partitions.begin(0, 0, async (_next, _from, records) => {
    for await (const _ of records);
    return { sequence: 0, incarnation: 'a', reason: 'a test' };
  });
  return rebuilt!.epoch;
}

describeLedger('PGlite', onPglite);
describeIdempotencyKeys('PGlite', onPglite);

describeWithPostgres('on a server', () => {
  describeLedger('PostgreSQL', onPostgres);
  describeIdempotencyKeys('PostgreSQL', onPostgres);
  describeLedgerWriter('PostgreSQL', writerOn(onPostgres));
});
