/** The jobs on real Redis and PostgreSQL: done once whoever does them, rebuilt after a wipe, and none lost in silence. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import pino from 'pino';
import { Registry } from 'prom-client';
import { sql } from '#ledger';
import { systemClock, systemIds, systemTimers } from '#platform';
import {
  openQueues,
  policiesDefault,
  RunRepository,
  scheduler,
  walkPolicyOfTime,
  walkRun,
  type PaymentCommands,
  type Policies,
  type ReconciliationQueues,
} from '#reconciliation';
import {
  createWorkerMetrics,
  startWorker,
  type RunningWorker,
} from '../../../apps/batch-worker/src/index.js';
import { eventually } from '../../fixtures/holdfast.js';
import {
  emptied,
  openLedger,
  putPayment,
  recordedDiscrepancies,
  takenIds,
  takenRows,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { busyRows, transactionOf, Upstream } from '../../fixtures/upstream.js';
import {
  describeWithPostgres,
  describeWithRedis,
  testRedis,
  type TestDatabase,
} from '../../servers/index.js';

const walkPolicy = {
  ...walkPolicyOfTime,
  pageSize: 50,
  overlap: 20,
  safetyLag: 10,
  closeSpacing: 5,
  checksAfterClose: [100],
};

/** As fast as it goes. */
const policies: Policies = {
  of: (provider, clock) => ({ ...policiesDefault.of(provider, clock), callsPerSecond: 100_000 }),
};

let ledger: TestLedger;
let redis: TestDatabase;
let queues: ReconciliationQueues;
let workers: RunningWorker[] = [];
let upstream: Upstream;
let prefix = 0;
/** Hears of what goes wrong. */
let log: (line: string) => void;

async function startWorkers(count: number, commands: PaymentCommands | null = null): Promise<void> {
  const target = { kind: 'standalone', url: redis.url } as const;
  for (let started = 0; started < count; started += 1) {
    workers.push(
      await startWorker({
        db: ledger.db,
        redis: target,
        queues,
        sources: [upstream],
        policies,
        walkPolicyOf: () => walkPolicy,
        commands,
        clock: systemClock,
        ids: systemIds,
        logger: pino({ level: 'warn' }, { write: (line: string) => log(line) }),
        metrics: createWorkerMetrics(new Registry()),
        tickMs: 100,
        prefix: `{test-${prefix}}`,
      }),
    );
  }
}

const allTaken = () =>
  eventually(
    'every row is taken',
    async () => (await takenIds(ledger.db)).length === upstream.rows.length,
    20_000,
  );

describeWithRedis('jobs', () => {
  describeWithPostgres('of reconciliation', () => {
    beforeAll(async () => {
      [ledger, redis] = await Promise.all([openLedger(12), testRedis()]);
    });
    afterAll(async () => {
      await ledger.stop();
      await redis.stop();
    });
    beforeEach(async () => {
      await emptied(ledger.db);
      prefix += 1;
      log = () => undefined;
      upstream = new Upstream(busyRows({ count: 400, lagMax: 5 }), 5_000);
      queues = openQueues({ kind: 'standalone', url: redis.url }, ['upstream'], {
        onError: () => undefined,
        sleep: (ms) => systemTimers.sleep(ms),
        prefix: `{test-${prefix}}`,
        retryDelayMs: 50,
      });
    });
    afterEach(async () => {
      await Promise.all(workers.map((worker) => worker.close()));
      workers = [];
      await queues.close();
    });

    test('a tick takes an account to its horizon, and two workers take each row once', async () => {
      await startWorkers(2);
      await allTaken();
      const runs = new RunRepository(ledger.db);
      await eventually('the run ends', async () => {
        const { data } = await runs.list({ limit: 10, after: null });
        return data.some(({ status, counts }) => status === 'succeeded' && counts.inserted > 0);
      });
      const { data } = await runs.list({ limit: 10, after: null });
      const ended = data.filter(({ status }) => status === 'succeeded');
      expect(ended.reduce((sum, { counts }) => sum + counts.inserted, 0)).toBe(400);
      // Windows are closed by and by, and ticks that find nothing leave no runs behind.
      const beganMs = upstream.nowMs;
      const closed = async () => {
        upstream.nowMs += 10;
        // As time goes on there are new ones, with nothing in them.
        const { rows } = await sql`
          select 1 from provider_windows where state = 'read' and until_at <= ${beganMs}`.execute(ledger.db);
        return rows.length === 0;
      };
      await eventually('the windows are closed', closed, 60_000);
      await eventually('one run is left', async () => {
        const { data: left } = await runs.list({ limit: 50, after: null });
        return left.filter(({ status }) => status === 'succeeded').length === 1;
      });
    }, 120_000);

    test('a window that takes longer to look at than ticks are apart is closed, and nobody else works on the look', async () => {
      await startWorkers(1);
      await allTaken();
      const { rows: read } = await sql<{ until: number }>`
        select until_at as until from provider_windows`.execute(ledger.db);
      const ask = upstream.listTransactions.bind(upstream);
      const failed: string[] = [];
      upstream.listTransactions = async (...args) => {
        await systemTimers.sleep(60);
        return ask(...args);
      };
      log = (line) => void failed.push(line);
      await eventually(
        'it is closed',
        async () => {
          upstream.nowMs += 1;
          const { rows } = await sql`
            select from provider_windows where state = 'closed' and until_at = ${read[0]!.until}`.execute(
            ledger.db,
          );
          return rows.length === 1;
        },
        30_000,
      );
      expect(failed.filter((line) => line.includes('a job failed'))).toEqual([]);
    }, 60_000);

    test('a queue that is wiped in the middle is filled again by the next tick', async () => {
      await startWorkers(1);
      await eventually('some rows are taken', async () => (await takenIds(ledger.db)).length > 0);
      const connection = new Redis(redis.url);
      await connection.flushdb();
      connection.disconnect();
      await Promise.all(workers.map((worker) => worker.close()));
      workers = [];
      await startWorkers(1);
      await allTaken();
    });

    test('a worker that dies in the middle is followed by another one', async () => {
      const ask = upstream.listTransactions.bind(upstream);
      let asked = 0;
      upstream.listTransactions = async (...args) => {
        asked += 1;
        if (asked % 3 === 0) throw new Error('the process is gone');
        return ask(...args);
      };
      await startWorkers(1);
      await allTaken();
      expect(asked).toBeGreaterThan(8);
    });

    test('what fails for the last time is a dead letter in the ledger: one, however often ticks ask again', async () => {
      upstream.listTransactions = async () => {
        throw new Error('refused for good');
      };
      await startWorkers(1);
      type Letter = { error: string; attempts: number };
      const letters = async () =>
        (await sql<Letter>`select error, attempts from dead_letters`.execute(ledger.db)).rows;
      await eventually(
        'it has died twice',
        async () => (await letters()).reduce((sum, { attempts }) => sum + attempts, 0) >= 10,
        60_000,
      );
      expect(await letters()).toEqual([
        { error: expect.stringContaining('refused for good'), attempts: expect.any(Number) },
      ]);
    }, 70_000);

    test('a run that somebody asked for and that cannot succeed ends, and says why; one of the schedule waits', async () => {
      upstream.listTransactions = async () => {
        throw new Error('refused for good');
      };
      const runs = new RunRepository(ledger.db);
      const id = systemIds.uuid();
      const asked = walkRun({ id, account: { provider: 'upstream', account: 'main' }, requestedBy: 'ops' });
      await runs.add({ ...asked, fromMs: 1, untilMs: 2 });
      await startWorkers(1);
      const failed = { error: 'refused for good' };
      await eventually('both are given up', async () => {
        const run = (await runs.unfinished(10)).find(({ error }) => error !== null);
        return run !== undefined && (await runs.find(id))!.status === 'failed';
      });
      expect(await runs.find(id)).toMatchObject({ ...failed, finishedAtMs: expect.any(Number) });
      expect(await runs.unfinished(10)).toMatchObject([
        { ...failed, status: 'running', requestedBy: scheduler },
      ]);
    }, 40_000);

    test('what a verdict wants of the payments is done once, however many workers there are', async () => {
      const { paymentId } = await putPayment(ledger.db, {
        provider: 'upstream',
        providerPaymentId: 'paid',
        status: 'pending',
      });
      upstream.rows.push({
        transaction: transactionOf('paid', { occurredAtMs: 1_001 }),
        visibleAt: 1_001,
      });
      const asked = new Set<string>();
      let effects = 0;
      await startWorkers(3, {
        async captured(command) {
          asked.add(command.paymentId);
          const { numAffectedRows } = await sql`
            update payments set status = 'captured', captured_at = now(), captured_amount = amount,
              captured_currency = currency where id = ${command.paymentId} and status = 'pending'`.execute(
            ledger.db,
          );
          effects += Number(numAffectedRows);
          return { kind: 'done', detail: 'the order is confirmed' };
        },
        async capturedTwice() {
          throw new Error('nothing was captured twice');
        },
      });
      await eventually('the row is matched', async () =>
        (await takenRows(ledger.db)).some(({ id, state }) => id === 'paid' && state === 'matched'),
      );
      expect([...asked]).toEqual([paymentId]);
      expect(effects).toBe(1);
      const found = await recordedDiscrepancies(ledger.db);
      expect(found).toContainEqual(
        expect.objectContaining({ code: 'STATUS_MISMATCH', subject: 'paid', state: 'resolved' }),
      );
    });
  });
});
