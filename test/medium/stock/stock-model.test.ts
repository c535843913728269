/**
 * The Redis functions and the model in memory on the same random trace: every decision, every journal entry and every
 * level must be the same. The model's clock is what Redis says its own was, so deadlines are compared too.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Cluster, Redis } from 'ioredis';
import { connectForDecisions, systemClock, systemTimers } from '#platform';
import { InMemoryStockStore, RedisStockStore, type Decisions, type StockStore } from '#stock';
import { describeWithRedis, testRedis, type TestDatabase } from '../../servers/index.js';

const at = { partition: 0, epoch: 1 };
const skus = ['A', 'B', 'C'];
async function* nothing(): AsyncGenerator<never[]> {}

const sku = fc.constantFrom(...skus);
const buyerId = fc.constantFrom('ann', 'bob with spaces', 'çelik\n2', 'dee=3,x');
const reservationId = fc.integer({ min: 1, max: 25 }).map((number) => `r${number}`);
const quantity = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constant(Number.MAX_SAFE_INTEGER) },
);
const lines = fc
  .uniqueArray(sku, { minLength: 1, maxLength: 3 })
  .chain((names) =>
    fc.tuple(...names.map((name) => quantity.map((units) => ({ sku: name, quantity: units })))),
  );

type Step = {
  readonly name: string;
  readonly run: (
    store: StockStore,
  ) => Promise<Pick<Decisions<unknown>, 'entries'> & { decisions?: unknown; nowMs?: number }>;
};

/** A batch of commands of one kind. */
function batch<Command>(
  name: string,
  command: fc.Arbitrary<Command>,
  send: (store: StockStore, commands: Command[]) => Promise<Decisions<unknown>>,
): fc.Arbitrary<Step> {
  return fc.array(command, { minLength: 1, maxLength: 4 }).map((commands) => ({
    name: `${name} ${JSON.stringify(commands)}`,
    run: (store) => send(store, commands),
  }));
}

const reserve = batch(
  'reserve',
  fc.record({
    reservationId,
    buyerId,
    lines,
    ttlSeconds: fc.constantFrom(undefined, 1, 3_600),
    metadata: fc.constantFrom(null, '{"a":"b c,d=1"}'),
    partitions: fc.constantFrom([0], [0], [0], [0, 2]),
    revive: fc.constantFrom(false, false, true),
  }),
  (store, commands) => store.reserve(at, commands),
);
const put = batch(
  'put',
  fc.record({
    sku,
    onHand: fc.integer({ min: 0, max: 12 }),
    buyerLimit: fc.constantFrom(undefined, null, 2, 5),
    holdTtlSeconds: fc.constantFrom(undefined, 1, 600),
  }),
  (store, commands) => store.put(at, commands),
);
const paymentId = fc.integer({ min: 1, max: 6 }).map((number) => `p${number}`);
const payments: fc.Arbitrary<Step>[] = [
  batch(
    'pay',
    fc.record({
      reservationId,
      paymentId,
      provider: fc.constant('sandbox'),
      amount: fc.record({
        value: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        currency: fc.constantFrom('EUR', 'JPY'),
      }),
      ttlSeconds: fc.constantFrom(1, 1_800),
    }),
    (store, commands) => store.pay(at, commands),
  ),
  batch('fail', fc.record({ reservationId, paymentId }), (store, commands) => store.fail(at, commands)),
  batch(
    'reacquire',
    fc.record({
      reservationId,
      buyerId,
      paymentId,
      lines: lines.filter((of) => of.every(({ quantity: units }) => units < 10)),
      whole: fc.constantFrom(true, true, false),
    }),
    (store, commands) => store.reacquire(at, commands),
  ),
];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: reserve },
  { weight: 2, arbitrary: put },
  ...payments.map((arbitrary) => ({ weight: 2, arbitrary })),
  {
    weight: 2,
    arbitrary: batch(
      'release',
      fc.record({ reservationId, what: fc.constantFrom('hold', 'part', 'orphan', 'barred') }),
      (store, commands) => store.release(at, commands),
    ),
  },
  {
    weight: 2,
    arbitrary: batch(
      'confirm',
      fc.record({ reservationId, paymentId: fc.constantFrom(null, 'pay 1'), captured: fc.boolean() }),
      (store, commands) => store.confirm(at, commands),
    ),
  },
  {
    weight: 1,
    arbitrary: batch(
      'extend',
      fc.record({ reservationId, ttlSeconds: fc.constantFrom(1, 60, 86_400) }),
      (store, commands) => store.extend(at, commands),
    ),
  },
  {
    weight: 2,
    arbitrary: batch(
      'adjust',
      // One operation is about one SKU: the key under which it comes has one body.
      fc
        .record({
          number: fc.integer({ min: 1, max: 4 }),
          sku,
          delta: fc.oneof(fc.integer({ min: -6, max: 8 }), fc.constant(Number.MAX_SAFE_INTEGER)),
          expectedVersion: fc.constantFrom(null, null, 1, 3),
          reason: fc.constantFrom('count', 'ünïcode, = and spaces'),
        })
        .map(({ number, ...rest }) => Object.assign(rest, { operationId: `o${number}-${rest.sku}` })),
      (store, commands) => store.adjust(at, commands),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 3 }).map((limit) => ({
      name: `expire ${limit}`,
      run: async (store: StockStore) => {
        const { entries, more, parts } = await store.expire(at, limit);
        return { entries, decisions: { more, parts } };
      },
    })),
  },
);

describeWithRedis('the functions and their model', () => {
  let database: TestDatabase;
  let redis: Redis | Cluster;
  let runs = 0;

  beforeAll(async () => {
    database = await testRedis();
    redis = connectForDecisions({ kind: 'standalone', url: database.url });
    await redis.connect();
  });
  afterAll(async () => {
    redis.disconnect();
    await database.stop();
  });

  test('decide the same on any trace', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.boolean(), async (steps, slow) => {
        runs += 1;
        let nowMs = 0;
        const real: StockStore = new RedisStockStore(redis, `model-${runs}`, systemClock, () => undefined);
        const model: StockStore = new InMemoryStockStore(() => nowMs);
        for (const store of [real, model]) {
          const incarnation = await store.restore({ ...at, attempt: 1 }, nothing());
          await store.admit(at.partition, { ...at, incarnation });
        }
        for (const [index, { name, run }] of steps.entries()) {
          // Now and then the shorter deadlines come.
          if (slow && index % 20 === 19) await systemTimers.sleep(1_001);
          const wanted = await run(real);
          nowMs = wanted.nowMs ?? wanted.entries[0]?.atMs ?? (await real.state(0)).nowMs;
          const got = await run(model);
          expect({ name, decisions: got.decisions, entries: got.entries }).toEqual({
            name,
            decisions: wanted.decisions,
            entries: wanted.entries,
          });
          expect((await model.levels(at, skus)).levels).toEqual((await real.levels(at, skus)).levels);
        }
        expect(await model.readJournal(at, 0, 10_000)).toEqual(await real.readJournal(at, 0, 10_000));
      }),
      { numRuns: 250, interruptAfterTimeLimit: 20_000, endOnFailure: true },
    );
  }, 60_000);
});
