/** DURABILITY=redis on real Redis and PostgreSQL: what was answered is there for everybody, wherever the ledger is. */
import { expect, test } from '@jest/globals';
import { sql } from '#ledger';
import { systemTimers } from '#platform';
import { eventually, present, sha256, type Instance } from '../fixtures/holdfast.js';
import { TestProvider } from '../fixtures/provider.js';
import { useInstances } from '../fixtures/use-instances.js';
import { describeWithPostgres } from '../servers/index.js';

describeWithPostgres('with DURABILITY=redis', () => {
  const instances = useInstances();
  const open = () => instances.open({ durability: 'redis', providers: [new TestProvider()] });
  const heldIs = (instance: Instance, held: number) =>
    eventually('the ledger follows', async () => (await instance.services.stock.find('A'))!.held === held);

  /** For a moment, or until the work is done: the ledger takes nothing. */
  async function whileNothingIsCommitted<Outcome>({ db }: Instance, work: () => Promise<Outcome>) {
    return db
      .transaction()
      .execute(async (tx) => {
        await sql`select from partitions for update`.execute(tx);
        const outcome = work();
        await Promise.race([outcome, systemTimers.sleep(200)]);
        return { outcome };
      })
      .then(({ outcome }) => outcome);
  }

  test('an answer comes before the ledger, which follows', async () => {
    const one = await open();
    await one.put('A', 5);
    await whileNothingIsCommitted(one, async () => {
      await one.hold('A');
      expect(await one.services.stock.find('A')).toMatchObject({ held: 0 });
    });
    await heldIs(one, 1);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test.each([
    ['find', 'held'],
    ['extend', 'done'],
    ['release', 'done'],
    ['confirm', 'confirmed'],
    ['pay', 'paying'],
  ] as const)(
    'a reservation is there to %s, on another instance, before the ledger has it',
    async (use, kind) => {
      const [one, two] = [await open(), await open()];
      await one.put('A', 5);
      const uses = {
        find: async (id: string) => ({ kind: (await two.services.reservations.find(id))?.status }),
        extend: (id: string) => two.extend(id, 900),
        release: (id: string) => two.release(id),
        confirm: (id: string) => two.confirm(id),
        pay: (id: string) => two.pay(id),
      };
      const outcome = await whileNothingIsCommitted(one, async () => uses[use](await one.hold('A')));
      expect(outcome.kind).toBe(kind);
      expect(await two.brokenInvariants()).toEqual([]);
    },
  );

  test('an order is there to be cancelled, and a payment to be named, before the ledger has it', async () => {
    const [one, two] = [await open(), await open()];
    await one.put('A', 5);
    const [bought, paid] = [await one.hold('A'), await one.hold('A')];
    await heldIs(one, 2);
    const cancelled = await whileNothingIsCommitted(one, async () => {
      const confirmed = await one.confirm(bought);
      return two.cancel(confirmed.kind === 'confirmed' ? confirmed.order.id : '');
    });
    expect(cancelled).toMatchObject({ kind: 'done', order: { status: 'cancelled' } });
    const named = await whileNothingIsCommitted(one, async () => two.confirm(paid, await one.paying(paid)));
    expect(named.kind).toBe('payment-pending');
    await heldIs(one, 1);
    expect(await two.brokenInvariants()).toEqual([]);
  });

  test('what nobody was told of is unknown', async () => {
    const one = await open();
    const id = '00000000-0000-8000-8000-000000000001';
    expect(await one.services.reservations.find(id)).toBeUndefined();
    expect(await one.confirm(id)).toEqual({ kind: 'unknown-reservation' });
    expect(await one.cancel(id)).toEqual({ kind: 'unknown-order' });
  });

  test('what comes again after its record was lost is answered as at first, and carries the mark of a replay', async () => {
    const one = await open();
    await one.put('A', 5);
    const command = { buyerId: 'ada', lines: [{ sku: 'A', quantity: 1 }], ttlSeconds: 600, metadata: null };
    const attempt = () =>
      one.services.idempotency.once(
        { keyDigest: sha256('key'), fingerprint: sha256('body') },
        (operation) => one.services.reservations.reserve(operation, command, present),
        { unclaimed: true },
      );
    const first = await attempt();
    expect(first).toMatchObject({ kind: 'answered', replayed: false });
    await heldIs(one, 1);
    const { id } = JSON.parse(first.kind === 'answered' ? first.answer.body : '{}') as { id: string };
    expect(await one.extend(id, 9_000)).toMatchObject({ kind: 'done' });
    await sql`delete from idempotency_keys`.execute(one.db);
    expect(await attempt()).toMatchObject({ ...first, replayed: true });
  });
});
