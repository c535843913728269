/** Confirmations that name a payment, over real Redis and PostgreSQL: an order never rests on money that goes back. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { sql } from '#ledger';
import { eventually, openInstance, type Instance } from '../../fixtures/holdfast.js';
import { TestProvider } from '../../fixtures/provider.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../../servers/index.js';

const races = 12;
const another = { value: 999, currency: 'EUR' };

describeWithPostgres('a confirmation that names a payment', () => {
  let servers: [redis: TestDatabase, ledger: TestDatabase];
  let provider: TestProvider;
  let one: Instance;
  let two: Instance;

  beforeEach(async () => {
    servers = await Promise.all([testRedis(), testPostgres()]);
    const [redis, ledger] = servers;
    provider = new TestProvider();
    const options = { redisUrl: redis.url, databaseUrl: ledger.url, providers: [provider] };
    [one, two] = [await openInstance(options), await openInstance(options)];
    await one.put('A', 100);
  });
  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    await Promise.all(servers.map((server) => server.stop()));
  });

  const find = async (id: string) => (await one.services.reservations.find(id))!;
  const becomes = (id: string, status: string) =>
    eventually(`${id} is ${status}`, async () => (await find(id)).status === status);
  const paymentBecomes = (id: string, status: string) =>
    eventually(
      `the payment is ${status}`,
      async () => (await one.services.payments.find(id))?.status === status,
    );

  /** A payment of the reservation that the provider has been asked for. */
  async function asked(reservationId: string): Promise<string> {
    const paymentId = await one.paying(reservationId);
    await eventually('the provider is asked', async () => provider.charges.has(paymentId));
    return paymentId;
  }

  /** Both instances hear of it and are asked for the order, all at once. */
  async function confirmedAtOnce(reservationId: string, paymentId: string, message: Buffer) {
    await one.receive(message);
    const instances = [one, two, one, two];
    const outcomes = await Promise.all(instances.map((each) => each.confirm(reservationId, paymentId)));
    return outcomes.map(({ kind }) => kind);
  }

  test('makes no order while the money goes back, nor once it has', async () => {
    const id = await one.hold('A');
    let unreachable = true;
    provider.before = async (request) => {
      if (request === 'refund' && unreachable) throw new Error('the provider cannot be reached');
    };
    const paymentId = await asked(id);
    await one.receive(provider.decide(paymentId, 'captured', another));
    await paymentBecomes(paymentId, 'refund-due');
    await becomes(id, 'held');
    const due = { kind: 'payment-refund-due', paymentId, orderId: null };
    expect(await one.confirm(id, paymentId)).toMatchObject(due);
    unreachable = false;
    await paymentBecomes(paymentId, 'refunded');
    const refunded = { kind: 'payment-refunded', paymentId, orderId: null };
    expect(await one.confirm(id, paymentId)).toMatchObject(refunded);
    expect((await find(id)).status).toBe('held');

    // Another payment makes the order, which is not answered to whoever names the first.
    const second = await asked(id);
    await one.receive(provider.decide(second, 'captured'));
    await becomes(id, 'confirmed');
    const { orderId } = await find(id);
    expect(await one.confirm(id, paymentId)).toMatchObject({ ...refunded, orderId });
    expect(await one.confirm(id, second)).toMatchObject({ kind: 'confirmed', order: { id: orderId } });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('is refused by what has become of the reservation when that has ended', async () => {
    const id = await one.hold('A');
    const paymentId = await asked(id);
    await one.receive(provider.decide(paymentId, 'captured'));
    await becomes(id, 'confirmed');
    await one.cancel((await find(id)).orderId!);
    await paymentBecomes(paymentId, 'refunded');
    const cancelled = { kind: 'too-late', reservation: { status: 'cancelled' } };
    expect(await one.confirm(id, paymentId)).toMatchObject(cancelled);
  });

  test('makes no order of another amount, whoever is first to hear of it', async () => {
    for (let race = 0; race < races; race += 1) {
      const id = await one.hold('A');
      const paymentId = await asked(id);
      const kinds = await confirmedAtOnce(id, paymentId, provider.decide(paymentId, 'captured', another));
      for (const kind of kinds) expect(['payment-refund-due', 'payment-refunded']).toContain(kind);
    }
    const orders = await sql`select id from orders`.execute(one.db);
    expect(orders.rows).toEqual([]);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('of the right amount is answered with its order, whoever is first to hear of it', async () => {
    for (let race = 0; race < races; race += 1) {
      const id = await one.hold('A');
      const paymentId = await asked(id);
      const kinds = await confirmedAtOnce(id, paymentId, provider.decide(paymentId, 'captured'));
      expect(new Set(kinds)).toEqual(new Set(['confirmed']));
    }
    expect(provider.refunds.size).toBe(0);
    expect(await one.brokenInvariants()).toEqual([]);
  });
});
