/** The use cases on real Redis and PostgreSQL: what must be true when things race, die and get lost. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { systemTimers } from '#platform';
import { IdempotencyRepository, orderIdOf, type KeptAnswer } from '#ledger';
import { partitionOf, type StockStore } from '#stock';
import { UnavailableError } from '#domain';
import { eventually, sha256, type Instance, type InstanceOptions } from '../fixtures/holdfast.js';
import { useInstances } from '../fixtures/use-instances.js';
import { describeWithPostgres } from '../servers/index.js';

describeWithPostgres('reservations', () => {
  const { opened, open } = useInstances();

  /** Lets an instance go without its good-bye. */
  function forget(instance: Instance): void {
    opened.splice(opened.indexOf(instance), 1);
  }

  const level = async (instance: Instance, sku: string) => (await instance.services.stock.find(sku))!;

  test('two instances sell 100 units to 1,000 buyers, each unit once', async () => {
    const [one, two] = [await open(), await open()];
    await one.put('A', 100);
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => (index % 2 ? one : two).reserve('A')),
    );
    expect(outcomes.filter(({ kind }) => kind === 'held')).toHaveLength(100);
    expect(outcomes.filter(({ kind }) => kind === 'sold-out')).toHaveLength(900);
    expect(await level(one, 'A')).toMatchObject({ onHand: 100, held: 100, committed: 0 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('the same key at once on two instances holds once and answers the same', async () => {
    const [one, two] = [await open(), await open()];
    await one.put('A', 50);
    for (let round = 0; round < 20; round += 1) {
      const key = `key ${round}`;
      const over = { key, buyerId: `buyer ${round}` };
      const answers = await Promise.all([
        one.reserve('A', over),
        two.reserve('A', over),
        one.reserve('A', over),
      ]);
      const held = answers.filter(({ kind }) => kind === 'held');
      expect(held.length).toBeGreaterThanOrEqual(1);
      expect(new Set(held.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(answers.filter(({ kind }) => !['held', 'in-progress'].includes(kind))).toEqual([]);
    }
    expect(await level(one, 'A')).toMatchObject({ held: 20 });
  });

  test('a refusal is given again, though units have come back meanwhile', async () => {
    const one = await open();
    await one.put('A', 1);
    const holder = await one.hold('A');
    const refused = await one.reserve('A', { key: 'late', buyerId: 'late' });
    expect(refused.kind).toBe('sold-out');
    await one.release(holder);
    expect(await one.reserve('A', { key: 'late', buyerId: 'late' })).toEqual(refused);
    expect((await one.reserve('A', { key: 'other', buyerId: 'late' })).kind).toBe('held');
  });

  test('release, expiry and confirmation at the deadline: exactly one wins', async () => {
    const [one, two] = [await open(), await open()];
    await one.put('A', 40, undefined, 1);
    const ids = await Promise.all(Array.from({ length: 40 }, () => one.hold('A')));
    await systemTimers.sleep(950);
    const outcomes = await Promise.all(
      ids.map(async (id, index) => {
        await systemTimers.sleep(index * 3);
        const [released, confirmed] = await Promise.all([one.release(id), two.confirm(id)]);
        return [released.kind === 'done', confirmed.kind === 'confirmed'];
      }),
    );
    for (const [released, confirmed] of outcomes) expect(released && confirmed).toBe(false);
    const sold = outcomes.filter(([, confirmed]) => confirmed).length;
    await eventually('every other unit is back', async () => (await level(one, 'A')).held === 0);
    expect(await level(one, 'A')).toMatchObject({ onHand: 40, held: 0, committed: sold });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('units of a lapsed hold are available again within a second', async () => {
    const one = await open();
    await one.put('A', 1, undefined, 1);
    const id = await one.hold('A');
    await systemTimers.sleep(1_000);
    await eventually('the unit is back', async () => (await level(one, 'A')).held === 0, 1_000);
    expect((await one.services.reservations.find(id))?.status).toBe('expired');
    expect((await one.confirm(id)).kind).toBe('too-late');
  });

  test('what a process had decided when it died is taken into the ledger by another one, once', async () => {
    const one = await open();
    await one.put('A', 10);
    // Decided in Redis, and the process dies before the ledger hears of it.
    const at = { partition: 0, epoch: (await one.store.state(0)).epoch };
    await one.store.reserve(
      at,
      [1, 2, 3].map((index) => ({
        reservationId: `00000000-0000-8000-8000-00000000000${index}`,
        buyerId: `buyer ${index}`,
        ttlSeconds: 2,
        metadata: '{"gift":true}',
        lines: [{ sku: 'A', quantity: 1 }],
        partitions: [0],
      })),
    );
    await one.die();
    forget(one);
    const two = await open();
    await eventually('the ledger has the holds', async () => (await level(two, 'A')).held === 3);
    expect(await two.services.reservations.find('00000000-0000-8000-8000-000000000001')).toMatchObject({
      status: 'held',
      metadata: '{"gift":true}',
    });
    expect(await two.brokenInvariants()).toEqual([]);
    await eventually('and they lapse', async () => (await level(two, 'A')).held === 0);
  });

  test('a reply that is lost is asked for again, and the unit is held once', async () => {
    let lost = 0;
    const one = await open({
      wrap: (store) =>
        withFault(store, 'reserve', async (send) => {
          const reply = await send();
          if (lost++ % 3 === 2) return reply;
          throw new UnavailableError('stock-not-ready', 'reply lost', true);
        }),
    });
    await one.put('A', 10);
    const outcome = await one.reserve('A');
    expect(outcome.kind).toBe('held');
    expect(lost).toBe(3);
    expect(await level(one, 'A')).toMatchObject({ held: 1 });
  });

  test('a request whose outcome was unknown gets the answer of its first attempt', async () => {
    let failing = true;
    const one = await open({
      wrap: (store) =>
        withFault(store, 'reserve', async (send) => {
          const reply = await send();
          if (failing) throw new UnavailableError('stock-not-ready', 'reply lost', true);
          return reply;
        }),
    });
    await one.put('A', 1);
    const again = { key: 'k', buyerId: 'me' };
    await expect(one.reserve('A', again)).rejects.toMatchObject({ outcomeUnknown: true });
    failing = false;
    const outcome = await one.reserve('A', again);
    expect(outcome.kind).toBe('held');
    expect(await one.reserve('A', again)).toEqual(outcome);
    expect(await level(one, 'A')).toMatchObject({ held: 1 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a key whose first attempt held and was not answered is not spent on another body', async () => {
    const one = await open({
      wrap: (store) =>
        withFault(store, 'reserve', async (send) => {
          await send();
          throw new UnavailableError('stock-not-ready', 'reply lost', true);
        }),
    });
    await one.put('A', 5);
    await expect(one.reserve('A', { key: 'k', buyerId: 'first' })).rejects.toThrow();
    const two = await open();
    for (const other of [{ buyerId: 'second' }, { buyerId: 'first', quantity: 2 }]) {
      expect((await two.reserve('A', { key: 'k', ...other })).kind).toBe('reused');
    }
    expect(await level(two, 'A')).toMatchObject({ held: 1 });
    expect((await two.reserve('A', { key: 'k', buyerId: 'first' })).kind).toBe('held');
    expect(await level(two, 'A')).toMatchObject({ held: 1 });
    expect(await two.brokenInvariants()).toEqual([]);
  });

  test('an answer that was recorded first counts, and the hold that nobody hears of is let go', async () => {
    const request = { keyDigest: sha256('k'), fingerprint: sha256('same body'), id: randomUUID() };
    let recorded: KeptAnswer = { status: 409, body: '{"kind":"sold-out"}' };
    const one = await open({
      wrap: (store) =>
        withFault(store, 'reserve', async (send) => {
          const reply = await send();
          // Another instance, refused an instant ago, is faster at the ledger.
          await new IdempotencyRepository(one.db).answer([{ ...request, ...recorded }]);
          return reply;
        }),
    });
    await one.put('A', 1);
    expect((await one.reserve('A', { key: 'k', buyerId: 'me' })).kind).toBe('sold-out');
    await eventually('the unit is back', async () => (await level(one, 'A')).held === 0);
    // The same key, used for something else.
    Object.assign(request, { keyDigest: sha256('l'), fingerprint: sha256('other body') });
    recorded = { status: 409, body: '{}' };
    expect((await one.reserve('A', { key: 'l', buyerId: 'you' })).kind).toBe('reused');
    await eventually('the unit is back', async () => (await level(one, 'A')).held === 0);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a cancelled order gives its units back, also when Redis is away at that moment', async () => {
    let away = false;
    const one = await open({
      wrap: (store) =>
        withFault(store, 'cancel', async (send) => {
          if (away) throw new UnavailableError('stock-not-ready', 'away', false);
          return send();
        }),
    });
    await one.put('A', 2);
    const [first, second] = [await one.hold('A'), await one.hold('A')];
    await one.confirm(first);
    await one.confirm(second);
    expect((await one.cancel(orderIdOf(first))).kind).toBe('done');
    expect(await level(one, 'A')).toMatchObject({ onHand: 2, committed: 1 });
    away = true;
    expect((await one.cancel(orderIdOf(second))).kind).toBe('done');
    expect(await level(one, 'A')).toMatchObject({ committed: 1 });
    away = false;
    await eventually('the outbox brings the unit back', async () => (await level(one, 'A')).committed === 0);
    expect((await one.cancel(orderIdOf(second))).kind).toBe('done');
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('an adjustment that is tried again counts once', async () => {
    const one = await open();
    await one.put('A', 10);
    const adjust = (key: string) =>
      one.once(
        (operation) =>
          one.services.stock.adjust(
            operation,
            { sku: 'A', delta: -4, reason: 'damaged', expectedVersions: null },
            (outcome) => ({ status: outcome.kind === 'adjusted' ? 200 : 409, body: JSON.stringify(outcome) }),
          ),
        key,
      );
    const first = await adjust('k');
    expect(first).toMatchObject({ kind: 'adjusted', level: { onHand: 6 } });
    expect(await adjust('k')).toEqual(first);
    expect((await adjust('l')).kind).toBe('adjusted');
    expect((await adjust('m')).kind).toBe('insufficient-stock');
    expect(await level(one, 'A')).toMatchObject({ onHand: 2 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  describe('over four partitions', () => {
    const skus = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
    const cart = (...of: string[]) => ({ lines: of.map((sku) => ({ sku, quantity: 1 })) });

    async function openFour(options: Partial<InstanceOptions> = {}): Promise<Instance> {
      const instance = await open({ partitions: 4, ...options });
      for (const sku of skus) await instance.put(sku, 5);
      return instance;
    }

    const held = async (instance: Instance) =>
      (await instance.services.stock.findMany(skus)).reduce((sum, sku) => sum + sku.held, 0);

    test('a cart is held whole, released whole, confirmed whole', async () => {
      const one = await openFour();
      const [first, second] = [await one.hold('', cart(...skus)), await one.hold('', cart(...skus))];
      expect(await held(one)).toBe(16);
      expect((await one.release(first)).kind).toBe('done');
      expect(await held(one)).toBe(8);
      expect((await one.confirm(second)).kind).toBe('confirmed');
      const levels = await one.services.stock.findMany(skus);
      expect(levels.map(({ held, committed }) => [held, committed])).toEqual(skus.map(() => [0, 1]));
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('a cart with one line too many holds nothing', async () => {
      const one = await openFour();
      for (const sku of ['A', 'H']) {
        const lines = skus.map((name) => ({ sku: name, quantity: name === sku ? 6 : 1 }));
        expect((await one.reserve('', { lines })).kind).toBe('insufficient-stock');
      }
      await eventually('nothing is held', async () => (await held(one)) === 0);
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('many carts at once: every unit once, every cart whole', async () => {
      const one = await openFour();
      const carts = Array.from({ length: 60 }, (_, index) =>
        cart(...skus.filter((_name, place) => (index + place) % 3 !== 0)),
      );
      const outcomes = await Promise.all(carts.map((wanted) => one.reserve('', wanted)));
      const units = outcomes.flatMap((outcome) =>
        outcome.kind === 'held' ? outcome.reservation.lines : [],
      ).length;
      await eventually('the ledger shows what was answered', async () => (await held(one)) === units);
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('parts of a cart whose process died are given back, and nobody sees a half cart', async () => {
      const one = await openFour();
      const at = { partition: 3, epoch: 1 };
      const reservationId = '00000000-0000-8000-8000-000000000009';
      const sku = skus.find((name) => partitionOf(name, 4) === 3)!;
      const lines = [{ sku, quantity: 1 }];
      await one.store.reserve(at, [
        { reservationId, buyerId: 'me', ttlSeconds: 60, metadata: null, lines, partitions: [0, 3] },
      ]);
      await eventually('the ledger has the part', async () => (await held(one)) === 1);
      expect(await one.services.reservations.find(reservationId)).toBeUndefined();
      await eventually('and the sweeper gives it back', async () => (await held(one)) === 0, 15_000);
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('a cart that was held whole keeps its parts, though the ledger hears of it late', async () => {
      let slow = false;
      const one = await openFour({
        wrap: (store) =>
          withFault(store, 'readJournal', async (send) => {
            if (slow) await systemTimers.sleep(1_500);
            return send();
          }),
      });
      const reservationId = '00000000-0000-8000-8000-00000000000a';
      const [mine, deciding] = [3, 0];
      const part = (partition: number) => ({
        reservationId,
        buyerId: 'me',
        ttlSeconds: 60,
        metadata: null,
        lines: [{ sku: skus.find((name) => partitionOf(name, 4) === partition)!, quantity: 1 }],
        partitions: [deciding, mine],
      });
      const startedAt = performance.now();
      await one.store.reserve({ partition: mine, epoch: 1 }, [part(mine)]);
      await eventually('the ledger has the part', async () => (await held(one)) === 1);
      await systemTimers.sleep(9_850 - (performance.now() - startedAt));
      // Decided just before the sweeper asks, and not yet in the ledger.
      slow = true;
      await one.store.reserve({ partition: deciding, epoch: 1 }, [part(deciding)]);
      await systemTimers.sleep(3_500);
      expect(await held(one)).toBe(2);
      expect(await one.services.reservations.find(reservationId)).toMatchObject({ status: 'held' });
      expect(await one.brokenInvariants()).toEqual([]);
    }, 30_000);

    test('a cart that lapses comes back in every partition', async () => {
      const one = await openFour();
      await one.hold('', { ...cart(...skus), ttlSeconds: 1 });
      await eventually('all units are back', async () => (await held(one)) === 0, 13_000);
      expect(await one.brokenInvariants()).toEqual([]);
    }, 20_000);
  });
});

type Faulty = 'reserve' | 'cancel' | 'readJournal';

/** A store whose calls of one kind go through a fault. */
function withFault(
  store: StockStore,
  name: Faulty,
  fault: <Reply>(send: () => Promise<Reply>) => Promise<Reply>,
): StockStore {
  return new Proxy(store, {
    get(target, property, receiver) {
      const member: unknown = Reflect.get(target, property, receiver);
      if (typeof member !== 'function') return member;
      const call = (...args: unknown[]) => Reflect.apply(member, target, args) as Promise<unknown>;
      return property === name ? (...args: unknown[]) => fault(() => call(...args)) : call;
    },
  });
}
