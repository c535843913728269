/** The connector against a server that answers in Stripe's shapes. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnavailableError } from '#domain';
import { Stripe } from 'stripe';

import { secretKey, StripeServer } from '../../test/stripe-server.js';
import type { ProviderTransaction } from '../provider-transaction.js';
import { fromStripe, toStripe } from './stripe-amounts.js';
import { StripeProvider } from './stripe-provider.js';
import { StripeSource } from './stripe-source.js';

const webhookSecret = 'whsec_0000000000000000';
const server = (): { stripe: StripeServer; provider: StripeProvider; source: StripeSource } => open;
let open: { stripe: StripeServer; provider: StripeProvider; source: StripeSource };

beforeEach(async () => {
  const stripe = new StripeServer();
  const account = { secretKey, webhookSecret, url: await stripe.open() };
  open = { stripe, provider: new StripeProvider(account), source: new StripeSource(account) };
});
afterEach(() => open.stripe.close());

const paymentId = '01968a3c-7d40-7000-8000-000000000001';
const charge = { paymentId, reservationId: 'res-1', amount: { value: 4990, currency: 'EUR' } };

describe('a charge', () => {
  it('is a payment intent under our id, made once also when the answer is lost', async () => {
    const { stripe, provider } = server();
    stripe.repliesLost = 1;
    const made = await provider.createCharge(charge);
    expect(made).toEqual({ providerPaymentId: 'pi_1', status: 'pending', amount: charge.amount });
    expect(await provider.createCharge(charge)).toEqual(made);
    expect(stripe.intents.size).toBe(1);
    expect(stripe.asked.map(({ key }) => key)).toEqual([paymentId, paymentId, paymentId]);
    expect(stripe.intents.get('pi_1')?.metadata).toEqual({ payment_id: paymentId, reservation_id: 'res-1' });
  });

  it('is found by its id and by ours, and says what was received', async () => {
    const { stripe, provider } = server();
    await provider.createCharge(charge);
    Object.assign(stripe.intents.get('pi_1') ?? {}, { status: 'succeeded', amount_received: 4990 });
    const captured = { providerPaymentId: 'pi_1', status: 'captured', amount: charge.amount };
    expect(await provider.fetchCharge({ paymentId, providerPaymentId: 'pi_1' })).toEqual(captured);
    expect(await provider.fetchCharge({ paymentId, providerPaymentId: null })).toEqual(captured);
    expect(await provider.fetchCharge({ paymentId: 'pay-2', providerPaymentId: null })).toBeNull();
    expect(await provider.fetchCharge({ paymentId, providerPaymentId: 'pi_9' })).toBeNull();
  });

  it('is cancelled, by its id or by ours; one that was decided first, or cannot be, stays as it is', async () => {
    const { stripe, provider } = server();
    await provider.createCharge(charge);
    const as = (status: string) => ({ providerPaymentId: 'pi_1', status, amount: charge.amount });
    const intent = stripe.intents.get('pi_1') ?? {};
    Object.assign(intent, { status: 'processing' });
    expect(await provider.cancelCharge({ paymentId, providerPaymentId: 'pi_1' })).toEqual(as('pending'));
    Object.assign(intent, { status: 'requires_payment_method' });
    expect(await provider.cancelCharge({ paymentId, providerPaymentId: null })).toEqual(as('failed'));
    expect(await provider.cancelCharge({ paymentId, providerPaymentId: 'pi_1' })).toEqual(as('failed'));
    Object.assign(intent, { status: 'succeeded', amount_received: 4990 });
    expect(await provider.cancelCharge({ paymentId, providerPaymentId: 'pi_1' })).toEqual(as('captured'));
    expect(await provider.cancelCharge({ paymentId: 'pay-2', providerPaymentId: null })).toBeNull();
    expect(stripe.asked.filter(({ path }) => path.endsWith('/cancel'))).toHaveLength(2);
  });

  it('that Stripe will not take is refused; a Stripe that is away, busy or closed to us is unavailable', async () => {
    const { stripe, provider } = server();
    expect(await provider.createCharge({ ...charge, amount: { value: 10, currency: 'EUR' } })).toBe(
      'refused',
    );
    for (const [status, error] of [
      [500, { type: 'api_error' }],
      [429, { type: 'invalid_request_error', code: 'rate_limit' }],
      [409, { type: 'idempotency_error', code: 'idempotency_key_in_use' }],
      [403, { type: 'invalid_request_error' }],
    ] as const) {
      stripe.refuseWith = { status, error };
      await expect(provider.createCharge({ ...charge, paymentId: `pay-${status}` })).rejects.toBeInstanceOf(
        UnavailableError,
      );
    }
    await stripe.close();
    await expect(provider.createCharge(charge)).rejects.toMatchObject({
      code: 'provider-unavailable',
      outcomeUnknown: true,
    });
  });
});

describe('a refund', () => {
  const refund = { refundId: 'ref-1', paymentId, providerPaymentId: 'pi_1', amount: charge.amount };

  it('is made once, and asked again it says how far it is', async () => {
    const { stripe, provider } = server();
    await provider.createCharge(charge);
    expect(await provider.refund(refund)).toEqual({ providerRefundId: 're_1', status: 'pending' });
    Object.assign(stripe.refunds.get('re_1') ?? {}, { status: 'succeeded' });
    expect(await provider.refund(refund)).toEqual({ providerRefundId: 're_1', status: 'done' });
    expect(stripe.refunds.size).toBe(1);
  });

  it('is refused for a payment that Stripe does not know', async () => {
    expect(await server().provider.refund({ ...refund, providerPaymentId: 'pi_9' })).toBe('refused');
  });
});

describe('a webhook', () => {
  const nowMs = Date.UTC(2026, 10, 2, 9);
  const sign = (payload: string, atMs = nowMs, secret = webhookSecret): string =>
    Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: Math.floor(atMs / 1000) });
  const verify = (payload: string, signature: string | undefined) =>
    server().provider.verifyWebhook({
      headers: { 'stripe-signature': signature },
      rawBody: Buffer.from(payload),
      nowMs,
    });
  const event = (type: string, object: object): string =>
    JSON.stringify({ id: 'evt_1', object: 'event', type, data: { object } });
  const succeeded = event('payment_intent.succeeded', {
    object: 'payment_intent',
    id: 'pi_1',
    amount: 4990,
    amount_received: 4990,
    currency: 'eur',
    status: 'succeeded',
    metadata: { payment_id: paymentId },
    latest_charge: { id: 'ch_1', balance_transaction: null },
  });

  it('is genuine, forged or stale', () => {
    expect(verify(succeeded, sign(succeeded))).toEqual({
      kind: 'genuine',
      event: {
        eventId: 'evt_1',
        kind: 'charge',
        paymentId,
        charge: { providerPaymentId: 'pi_1', status: 'captured', amount: charge.amount },
      },
    });
    expect(verify(`${succeeded} `, sign(succeeded))).toEqual({ kind: 'forged' });
    expect(verify(succeeded, sign(succeeded, nowMs, 'whsec_another0000000'))).toEqual({ kind: 'forged' });
    expect(verify(succeeded, undefined)).toEqual({ kind: 'forged' });
    expect(verify(succeeded, 't=,v1=')).toEqual({ kind: 'forged' });
    expect(verify(succeeded, sign(succeeded, nowMs - 301_000))).toEqual({ kind: 'stale' });
    expect(verify(succeeded, sign(succeeded, nowMs - 300_000))).toMatchObject({ kind: 'genuine' });
  });

  it('of a payment that is not one of ours names none', () => {
    const foreign = succeeded.replace(paymentId, 'their-own');
    expect(verify(foreign, sign(foreign))).toMatchObject({ kind: 'genuine', event: { paymentId: null } });
  });

  it('tells of refunds, of other things, or of nothing that can be read', () => {
    const refunded = event('refund.updated', {
      object: 'refund',
      id: 're_1',
      status: 'failed',
      payment_intent: 'pi_1',
      charge: 'ch_1',
      metadata: null,
    });
    expect(verify(refunded, sign(refunded))).toEqual({
      kind: 'genuine',
      event: {
        eventId: 'evt_1',
        kind: 'refund',
        providerPaymentId: 'pi_1',
        refund: { providerRefundId: 're_1', status: 'failed' },
      },
    });
    const other = event('payout.paid', { object: 'payout', id: 'po_1' });
    expect(verify(other, sign(other))).toMatchObject({ event: { kind: 'other', name: 'payout.paid' } });
    for (const unreadable of [
      '{',
      '[]',
      '{"id":"evt_1"}',
      event('payment_intent.succeeded', { object: 'payment_intent' }),
      // No text that the ledger could keep, or find again.
      event('payout.paid\0', { object: 'payout' }),
      event('payout.paid', { object: 'payout' }).replace('evt_1', String.raw`evt\u0000`),
      event('payout.paid', { object: 'payout' }).replace('evt_1', 'e'.repeat(3_000)),
      event('refund.failed', { object: 'refund', id: 're\0', status: 'failed', payment_intent: 'pi_1' }),
      event('refund.failed', { object: 'refund', id: 're_1', status: 'failed', payment_intent: 'pi\0' }),
    ]) {
      expect(verify(unreadable, sign(unreadable))).toEqual({ kind: 'unreadable' });
    }
  });
});

describe('balance transactions', () => {
  const day = Date.UTC(2026, 10, 2) / 1000;
  const row = (n: number, more: object = {}) => ({
    id: `txn_${String(n).padStart(4, '0')}`,
    object: 'balance_transaction',
    amount: 4990,
    fee: 102,
    net: 4888,
    currency: 'eur',
    created: day + Math.floor(n / 3),
    type: 'charge',
    reporting_category: 'charge',
    description: null,
    status: 'pending',
    source: {
      id: `ch_${n}`,
      object: 'charge',
      payment_intent: `pi_${n}`,
      balance_transaction: null,
      metadata: { reservation_id: `res-${n}` },
    },
    ...more,
  });

  it('are listed by time, page by page, each once, at the edges of the window as well', async () => {
    const { stripe, source } = server();
    for (let n = 0; n < 250; n += 1) stripe.balanceTransactions.push(row(n));
    const window = { from: day * 1000 + 500, until: (day + 80) * 1000 };
    const listed = await listAll(source, window);
    expect(new Set(listed.map(({ id }) => id)).size).toBe(listed.length);
    const expected = stripe.balanceTransactions.filter(
      ({ created }) => created * 1000 >= window.from && created * 1000 < window.until,
    );
    expect(listed.map(({ id }) => id).toSorted()).toEqual(expected.map(({ id }) => id));
    const edge = { from: (day + 80) * 1000, until: (day + 81) * 1000 };
    expect((await listAll(source, edge)).length).toBe(3);
  });

  it('say what they are, and the same again once they are available', async () => {
    const { stripe, source } = server();
    stripe.balanceTransactions.push(row(1));
    const first = await source.fetchTransaction('txn_0001');
    expect(first).toMatchObject({
      kind: 'charge',
      gross: { value: 4990, currency: 'EUR' },
      fee: { value: 102, currency: 'EUR' },
      net: { value: 4888, currency: 'EUR' },
      paymentReference: 'pi_1',
      merchantReference: 'res-1',
      payoutId: null,
      occurredAtMs: day * 1000,
    });
    Object.assign(stripe.balanceTransactions[0] ?? {}, { status: 'available' });
    expect(await source.fetchTransaction('txn_0001')).toEqual(first);
    expect(await source.fetchTransaction('txn_none')).toBeNull();
  });

  it('are listed by payout, with the payout itself', async () => {
    const { stripe, source } = server();
    stripe.balanceTransactions.push(
      { ...row(1), payout: 'po_1' },
      { ...row(2), payout: 'po_2' },
      {
        ...row(3, {
          type: 'payout',
          reporting_category: 'payout',
          amount: -4888,
          fee: 0,
          net: -4888,
          source: 'po_1',
        }),
        payout: 'po_1',
      },
    );
    const { transactions, next } = (await source.listPayoutTransactions('po_1', null, 1000))!;
    expect(next).toBeNull();
    expect(transactions.map(({ kind, payoutId, net }) => [kind, payoutId, net.value])).toEqual([
      ['payout', 'po_1', -4888],
      ['charge', 'po_1', 4888],
    ]);
  });

  it('of a payout that was made by hand are not listed: the question is refused', async () => {
    const { stripe, source } = server();
    stripe.payoutsByHand.add('po_1');
    expect(await source.listPayoutTransactions('po_1', null, 1000)).toBeNull();
    // A place in a list that Stripe does not know is something else, and so is a Stripe that is busy.
    await expect(source.listPayoutTransactions('po_1', 'txn_9', 1000)).rejects.toBeInstanceOf(
      UnavailableError,
    );
    stripe.refuseWith = { status: 429, error: { type: 'invalid_request_error', code: 'rate_limit' } };
    await expect(source.listPayoutTransactions('po_1', null, 1000)).rejects.toBeInstanceOf(UnavailableError);
  });

  it.each([
    [429, '7', 7_000],
    [429, null, 1_000],
    [429, 'Tue, 01 Jan 2019 00:00:00 GMT', 1_000],
    [503, '2', 2_000],
    [503, null, undefined],
    [500, '2', undefined],
  ])(
    'are refused with %d for Retry-After %s: asked for again after %s ms',
    async (status, retryAfter, restMs) => {
      const { stripe, source } = server();
      stripe.refuseWith = { status, error: { type: status === 429 ? 'invalid_request_error' : 'api_error' } };
      stripe.retryAfter = retryAfter;
      await expect(source.now()).rejects.toMatchObject({ name: 'UnavailableError', restMs });
    },
  );

  it('are asked for again at the time that Stripe names, by its own clock', async () => {
    const { stripe, source } = server();
    stripe.refuseWith = { status: 429, error: { type: 'invalid_request_error' } };
    stripe.retryAfter = new Date(Date.now() + 20_000).toUTCString();
    const { restMs } = await source.now().then(
      () => new UnavailableError('overloaded', '', false),
      (error: UnavailableError) => error,
    );
    expect(Math.abs(restMs! - 20_000)).toBeLessThanOrEqual(2_000);
  });

  it("carry Stripe's clock, and an answer without one is of no use", async () => {
    const { stripe, source } = server();
    expect(Math.abs((await source.now()) - Date.now())).toBeLessThan(60_000);
    stripe.refuseWith = { status: 503, error: { type: 'api_error' } };
    await expect(source.now()).rejects.toBeInstanceOf(UnavailableError);
  });
});

describe('amounts', () => {
  it.each([
    [{ value: 4990, currency: 'EUR' }, 4990],
    [{ value: 5200, currency: 'JPY' }, 5200],
    [{ value: 500, currency: 'ISK' }, 50_000],
    [{ value: 500, currency: 'UGX' }, 50_000],
    [{ value: 500, currency: 'MGA' }, 5],
    [{ value: 25_120, currency: 'KWD' }, 25_120],
  ])('%j is %d at Stripe', (money, amount) => {
    expect(toStripe(money)).toEqual({ amount, currency: money.currency.toLowerCase() });
    expect(fromStripe(amount, money.currency.toLowerCase())).toEqual(money);
  });

  it('that cannot be said exactly are not said', () => {
    expect(toStripe({ value: 1, currency: 'MGA' })).toBeNull();
    expect(fromStripe(101, 'isk')).toBeNull();
  });
});

async function listAll(
  source: StripeSource,
  window: { from: number; until: number },
): Promise<ProviderTransaction[]> {
  const listed: ProviderTransaction[] = [];
  let after: string | null = null;
  do {
    const page = await source.listTransactions(window, after, 1000);
    listed.push(...page.transactions);
    after = page.next;
  } while (after !== null);
  return listed;
}
