import { migrate, openPglite, openPostgres, pgliteParsers } from '#ledger';
import { describeLedger } from '../contract/ledger.suite.js';
import { describeWithPostgres, testPglite, testPostgres } from '../servers/index.js';

describeLedger('PGlite', async () => {
  const { pglite, stop } = await testPglite({ parsers: pgliteParsers });
  const db = openPglite(pglite);
  await migrate(db);
  return { db, stop };
});

describeWithPostgres('on a server', () => {
  describeLedger('PostgreSQL', async () => {
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
  });
});
