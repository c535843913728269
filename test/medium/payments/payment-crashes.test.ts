/**
 * Processes that die in the middle of a payment, each at another step, before or after it: what they left is finished
 * by another one, and no money and no unit is lost or counted twice.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openPostgres, sql } from '#ledger';
import type { PaymentProvider } from '#payments';
import type { StockStore } from '#stock';
import { eventually, openInstance, type Instance } from '../../fixtures/holdfast.js';
import { TestProvider } from '../../fixtures/provider.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../../servers/index.js';

const storeSteps = ['pay', 'confirm', 'fail', 'reacquire'] as const;
const providerSteps = ['createCharge', 'cancelCharge', 'refund'] as const;
type Step = (typeof storeSteps)[number] | (typeof providerSteps)[number];
type Moment = 'before' | 'after';
type Death = { readonly step: Step; readonly moment: Moment };

const deaths = [...storeSteps, ...providerSteps].flatMap((step): Death[] => [
  { step, moment: 'before' },
  { step, moment: 'after' },
]);
const late = new Set<Step>(['reacquire', 'refund']);
const attemptsMax = 3;

/** A process that dies at one moment of one step, whatever comes after it included. */
type Victim = Death & {
  readonly instance: Instance;
  readonly sku: string;
  readonly isDead: () => boolean;
  readonly kill: () => Promise<void>;
  reservationId: string;
  /** The key under which it pays. */
  key: string;
};

describeWithPostgres('a process that dies in the middle of a payment', () => {
  let redisDatabase: TestDatabase;
  let ledgerDatabase: TestDatabase;
  let provider: TestProvider;
  let survivor: Instance | null = null;

  beforeEach(async () => {
    provider = new TestProvider();
    [redisDatabase, ledgerDatabase] = await Promise.all([testRedis(), testPostgres()]);
  });
  afterEach(async () => {
    await survivor?.close();
    await redisDatabase.stop();
    await ledgerDatabase.stop();
  });

  const servers = () => ({
    redisUrl: redisDatabase.url,
    database: openPostgres(ledgerDatabase.url, () => undefined, { connectionsMax: 2 }),
    databaseUrl: ledgerDatabase.url,
    paymentTtlSeconds: 1,
  });

  async function openVictim(death: Death): Promise<Victim> {
    let dying: Promise<void> | null = null;
    const kill = (): Promise<void> => (dying ??= instance.die());
    const at = (step: string, moment: Moment): void => {
      if (step === death.step && moment === death.moment) void kill();
      if (dying) throw new Error(`killed ${death.moment} ${death.step}`);
    };
    const instance: Instance = await openInstance({
      ...servers(),
      wrap: (store) => watched(store, storeSteps, at),
      providers: [watched<PaymentProvider>(provider, providerSteps, at)],
    });
    const sku = `${death.step}-${death.moment}`;
    return { ...death, instance, sku, isDead: () => dying !== null, kill, reservationId: '', key: '' };
  }

  /** Does what leads to the step at which it dies. */
  async function goOn(victim: Victim, attempt: number): Promise<void> {
    const { instance, sku, step } = victim;
    await instance.put(sku, 1);
    victim.key = `${sku} ${attempt}`;
    victim.reservationId = await instance.hold(sku, { ttlSeconds: 1 });
    const outcome = await instance.pay(victim.reservationId, victim.key).catch(() => undefined);
    if (outcome?.kind !== 'paying') return;
    const { id: paymentId } = outcome.payment;
    if (step === 'cancelCharge') return; // Nobody decides it: it dies at its deadline.
    await eventually(
      `${sku}: the provider is asked`,
      async () => provider.charges.has(paymentId),
      3_000,
    ).catch(() => undefined);
    if (!provider.charges.has(paymentId)) return;
    if (late.has(step)) {
      const expired = async () =>
        (await instance.services.reservations.find(victim.reservationId))?.status === 'expired';
      await eventually(`${sku}: it has lapsed`, expired, 5_000).catch(() => undefined);
    }
    if (step === 'refund') await instance.hold(sku).catch(() => undefined);
    await instance
      .receive(provider.decide(paymentId, step === 'fail' ? 'failed' : 'captured'))
      .catch(() => undefined);
  }

  test('leaves nothing that another one does not finish', async () => {
    const victims: Victim[] = [];
    for (const death of deaths) {
      // One after the other, so that nobody carries out another's errand while that one is alive; its leftovers they may.
      const victim = await openVictim(death);
      victims.push(victim);
      // On a machine that stands still for a second the deadlines pass before their time.
      for (let attempt = 1; attempt <= attemptsMax && !victim.isDead(); attempt += 1) {
        await goOn(victim, attempt).catch(() => undefined);
        await eventually('it is dead', async () => victim.isDead(), 5_000).catch(() => undefined);
      }
      expect([victim.sku, victim.isDead()]).toEqual([victim.sku, true]);
    }
    await Promise.all(victims.map(({ kill }) => kill()));

    survivor = await openInstance({ ...servers(), providers: [provider] });
    const { services, db } = survivor;
    // Their leases would run out by themselves.
    await sql`update outbox set due_at = now() where done_at is null`.execute(db);
    for (const { step, reservationId, key } of victims) {
      if (step === 'pay' && reservationId) await survivor.pay(reservationId, key);
    }
    for (const [paymentId, { status }] of provider.charges) {
      if (status === 'pending') await survivor.receive(provider.decide(paymentId, 'captured'));
    }
    const open = sql<{ open: number }>`
      select count(*)::integer as open from outbox where payment_id is not null and done_at is null`;
    await eventually(
      'nothing is left to do',
      async () => (await open.execute(db)).rows[0]!.open === 0,
      20_000,
    );
    const ended = new Set(['confirmed', 'expired', 'refunded']);
    for (const { reservationId, sku } of victims.filter((victim) => victim.reservationId !== '')) {
      await eventually(`${sku} has ended`, async () =>
        ended.has((await services.reservations.find(reservationId))!.status),
      );
    }

    const { data: payments } = await services.payments.list({}, { limit: 100, after: null });
    const known = new Set(payments.map(({ id }) => id));
    expect(known.size).toBeGreaterThan(4);
    expect([...provider.charges.keys()].filter((id) => !known.has(id))).toEqual([]);
    for (const { id, status } of payments) {
      const taken = provider.charges.get(id)?.status === 'captured';
      const kept = taken && !provider.refunds.has(id);
      expect({ id, status }).toEqual({ id, status: kept ? 'captured' : taken ? 'refunded' : 'failed' });
    }
    expect(await survivor.brokenInvariants()).toEqual([]);
  }, 60_000);
});

/** Looks at the clock of fate before and after each of these calls. */
function watched<Target extends StockStore | PaymentProvider>(
  target: Target,
  steps: readonly string[],
  at: (step: string, moment: Moment) => void,
): Target {
  return new Proxy(target, {
    get(of, property) {
      const member: unknown = Reflect.get(of, property, of);
      if (typeof member !== 'function') return member;
      const call = member.bind(of) as (...args: unknown[]) => Promise<unknown>;
      if (typeof property !== 'string' || !steps.includes(property)) return call;
      return async (...args: unknown[]) => {
        at(property, 'before');
        const answer = await call(...args);
        at(property, 'after');
        return answer;
      };
    },
  });
}
