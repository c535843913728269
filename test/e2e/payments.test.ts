/** Payments through HTTP, with the sandbox as the provider: everything the outside can see of them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  confirmation,
  payment as wirePayment,
  paymentStarted,
  type ProblemSlug,
  reservation as wireReservation,
} from '#contracts';
import { sign, signatureHeader, toleranceSeconds, type SandboxEvent } from '#payments';
import { faultPlan } from '../../apps/payment-sandbox/src/index.js';
import { Client, expectProblem } from '../fixtures/client.js';
import { eventually } from '../fixtures/holdfast.js';
import { type PayingService, startService } from '../fixtures/service.js';

const amount = { value: 1_999, currency: 'EUR' };
const charges = z.object({ data: z.array(z.object({ id: z.string() })) });
const webhooks = '/v1/payments/webhooks/sandbox';

let service: PayingService;
let client: Client;
beforeAll(async () => {
  service = await startService({ paymentTtlSeconds: 2 });
  client = new Client(service);
});
afterAll(() => service.stop());

const plan = (faults: z.input<typeof faultPlan>) => service.sandbox.plan(faultPlan.parse(faults));
const pay = (
  id: string,
  body: unknown = { provider: 'sandbox', amount },
  idempotencyKey: string = randomUUID(),
) => client.post(`/v1/reservations/${id}/pay`, body, { idempotencyKey });
const statusOf = async (id: string) =>
  wireReservation.parse((await client.request(`/v1/reservations/${id}`)).body).status;
const becomes = (id: string, status: string) =>
  eventually(`${id} is ${status}`, async () => (await statusOf(id)) === status, 15_000);
const payments = async (query: string) => {
  const reply = await client.request<{ data: unknown[] }>(`/v1/payments?${query}`, { key: 'admin' });
  return reply.body.data.map((payment) => wirePayment.parse(payment));
};
const brokenInvariants = async () => {
  const reply = await client.request<{ invariants: { ok: boolean }[] }>('/v1/audit/invariants', {
    key: 'admin',
  });
  return reply.body.invariants.filter(({ ok }) => !ok);
};

/** Reservations whose payments take longer than they are waited for. */
async function lapsedWhilePaying(...skus: string[]): Promise<string[]> {
  // Too far under way at its deadline to be cancelled.
  plan({ delayMs: [4_500, 4_500], refuseCancel: 1 });
  const ids = await Promise.all(skus.map(payingFor));
  // Each charge goes by the plan that is in force when the provider is asked for it.
  plan({ refuseCancel: 1 });
  await Promise.all(ids.map((id) => becomes(id, 'expired')));
  return ids;
}

async function payingFor(sku: string): Promise<string> {
  const { id } = await client.hold(sku, 1, { ttlSeconds: 1 });
  expect((await pay(id)).status).toBe(200);
  await eventually(
    'it is asked',
    async () => (await payments(`status=pending&reservationId=${id}`)).length === 1,
  );
  return id;
}

describe('a payment', () => {
  it('is started, keeps the reservation, and makes the order', async () => {
    plan({ delayMs: [500, 500] });
    const sku = await client.newSku(5);
    const { id } = await client.hold(sku, 2);
    const key = randomUUID();
    const reply = await pay(id, undefined, key);
    expect(reply.status).toBe(200);
    const { reservation, payment } = paymentStarted.parse(reply.body);
    expect(reservation).toMatchObject({ id, status: 'paying', paying: { paymentId: payment.id } });
    expect(payment).toMatchObject({ reservationId: id, provider: 'sandbox', amount, status: 'created' });
    for (const what of ['release', 'confirm'] as const) {
      const refused = await client.post(`/v1/reservations/${id}/${what}`);
      expectProblem(refused, 'payment-pending');
      expect(refused.body).toMatchObject({ paymentId: payment.id });
    }
    expectProblem(await client.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 60 }), 'payment-pending');
    expectProblem(await pay(id), 'payment-pending');
    expectProblem(
      await client.post(`/v1/reservations/${id}/confirm`, { paymentId: payment.id }),
      'payment-pending',
    );
    await becomes(id, 'confirmed');
    const replay = await pay(id, undefined, key);
    expect(replay.text).toBe(reply.text);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    const confirmed = await client.post(`/v1/reservations/${id}/confirm`, { paymentId: payment.id });
    expect(confirmation.parse(confirmed.body)).toMatchObject({
      order: { reservationId: id, status: 'confirmed' },
    });
    const read = await client.request(`/v1/payments/${payment.id}`, { key: 'admin' });
    expect(wirePayment.parse(read.body)).toEqual({ ...payment, status: 'captured' });
    expect(await payments(`reservationId=${id}`)).toEqual([{ ...payment, status: 'captured' }]);
    expect(await client.level(sku)).toMatchObject({ available: 3, held: 0, committed: 2 });
    expect(await brokenInvariants()).toEqual([]);
  });

  it('that is declined gives the reservation back, and cannot confirm it', async () => {
    plan({ decline: 1 });
    const { id } = await client.hold(await client.newSku(1), 1);
    const { payment } = paymentStarted.parse((await pay(id)).body);
    await becomes(id, 'held');
    const confirm = (body: unknown) => client.post(`/v1/reservations/${id}/confirm`, body);
    expectProblem(await confirm({ paymentId: payment.id }), 'payment-failed');
    expect(await payments(`status=failed&reservationId=${id}`)).toHaveLength(1);
    expect((await confirm({ paymentId: 'the shop’s own' })).status).toBe(200);
  });

  it('is refused for what is not to be had, and changes nothing', async () => {
    const sku = await client.newSku(3);
    const { id } = await client.hold(sku);
    const refused: [unknown, ProblemSlug][] = [
      [{ provider: 'nobody', amount }, 'unknown-provider'],
      [{ provider: 'Sandbox!', amount }, 'invalid-request'],
      [{ provider: 'sandbox' }, 'invalid-request'],
      [{ provider: 'sandbox', amount: { value: 0, currency: 'EUR' } }, 'invalid-request'],
      [{ provider: 'sandbox', amount: { value: 1.5, currency: 'EUR' } }, 'invalid-request'],
      [{ provider: 'sandbox', amount: { value: 10 ** 15, currency: 'EUR' } }, 'invalid-request'],
      [{ provider: 'sandbox', amount: { value: 1, currency: 'eur' } }, 'invalid-request'],
      [{ provider: 'sandbox', amount: { value: 1, currency: 'ZZZ' } }, 'invalid-request'],
      [{ provider: 'sandbox', amount: { ...amount, exponent: 2 } }, 'invalid-request'],
    ];
    for (const [body, slug] of refused) expectProblem(await pay(id, body), slug);
    expect(await statusOf(id)).toBe('held');
    expectProblem(await pay(randomUUID()), 'unknown-reservation');
    expectProblem(await pay('x'), 'unknown-reservation');
    await client.post(`/v1/reservations/${id}/release`);
    expectProblem(await pay(id), 'reservation-released');
    const mine = await client.hold(sku);
    const { payment } = paymentStarted.parse((await pay(mine.id)).body);
    const other = await client.hold(sku);
    expectProblem(
      await client.post(`/v1/reservations/${other.id}/confirm`, { paymentId: payment.id }),
      'unknown-payment',
    );
    expectProblem(await client.request(`/v1/payments/${randomUUID()}`, { key: 'admin' }), 'unknown-payment');
    expectProblem(await client.request('/v1/payments?status=paid', { key: 'admin' }), 'invalid-request');
  });

  it('that nobody was given is unknown, and any other name is the shop’s own', async () => {
    const unknown = '01890a5d-ac96-874b-bcce-b302099a8059';
    const confirm = (id: string, paymentId: string) =>
      client.post(`/v1/reservations/${id}/confirm`, { paymentId });
    for (const ownName of ['abc', randomUUID(), unknown.toUpperCase()]) {
      const { id } = await client.hold(await client.newSku(1));
      expectProblem(await confirm(id, unknown), 'unknown-payment');
      expect(await statusOf(id)).toBe('held');
      expect((await confirm(id, ownName)).status).toBe(200);
      expectProblem(await confirm(id, unknown), 'unknown-payment');
    }
    expectProblem(await confirm(randomUUID(), unknown), 'unknown-reservation');
  });

  it('that comes late buys the units again, or goes back', async () => {
    const [plenty, scarce] = [await client.newSku(1), await client.newSku(1)];
    const [again, gone] = (await lapsedWhilePaying(plenty, scarce)) as [string, string];
    await client.hold(scarce);
    await becomes(again, 'confirmed');
    await becomes(gone, 'refunded');
    expect(await payments(`reservationId=${gone}`)).toMatchObject([{ status: 'refunded' }]);
    expectProblem(await client.post(`/v1/reservations/${gone}/confirm`), 'reservation-refunded');
    expect(await client.level(plenty)).toMatchObject({ available: 0, committed: 1 });
    expect(await brokenInvariants()).toEqual([]);
    plan({});
  }, 40_000);

  it('gets through whatever a provider does wrong', async () => {
    plan({ delayMs: [0, 400], decline: 0.3, lose: 0.3, duplicate: 0.5, reorder: 0.5, loseReply: 0.3 });
    const sku = await client.newSku(100);
    const ids = (
      await Promise.all(Array.from({ length: 12 }, () => client.hold(sku, 1, { ttlSeconds: 60 })))
    ).map(({ id }) => id);
    await Promise.all(ids.map((id) => pay(id)));
    for (const id of ids) {
      await eventually(`${id} is decided`, async () => (await statusOf(id)) !== 'paying', 20_000);
    }
    plan({});
    const sold = (await Promise.all(ids.map(statusOf))).filter((status) => status === 'confirmed').length;
    const level = await client.level(sku);
    expect(level).toMatchObject({ committed: sold, held: ids.length - sold });
    expect(await brokenInvariants()).toEqual([]);
  }, 40_000);
});

describe('a webhook', () => {
  const deliver = (body: string, headers: Record<string, string>, path = webhooks) =>
    client.request(path, { method: 'POST', key: null, body, headers });
  const signed = (body: string, secret = service.sandbox.account.webhookSecret, nowMs = Date.now()) => ({
    [signatureHeader]: sign(Buffer.from(body), secret, nowMs),
  });
  /** The charge that the provider has made for a payment, once it has. */
  const chargeOf = async (paymentId: string): Promise<string> => {
    const { url, apiKey } = service.sandbox.account;
    let found: string | undefined;
    await eventually(`the provider is asked for ${paymentId}`, async () => {
      const reply = await fetch(`${url}/charges?reference=${paymentId}`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      found = charges.parse(await reply.json()).data[0]?.id;
      return found !== undefined;
    });
    return found!;
  };
  const captured = (paymentId: string, chargeId = 'ch_0a'): SandboxEvent => ({
    id: `evt_${randomUUID().replaceAll('-', '')}`,
    type: 'charge.succeeded',
    createdAtMs: Date.now(),
    charge: { id: chargeId, reference: paymentId, amount, status: 'succeeded', createdAtMs: Date.now() },
  });

  it('that is forged, stale or nobody’s is 401 and changes nothing', async () => {
    plan({ delayMs: [60_000, 60_000] });
    const { id } = await client.hold(await client.newSku(1), 1, { ttlSeconds: 60 });
    const { payment } = paymentStarted.parse((await pay(id)).body);
    const body = JSON.stringify(captured(payment.id));
    const late = Date.now() - (toleranceSeconds + 5) * 1_000;
    const early = Date.now() + (toleranceSeconds + 5) * 1_000;
    for (const headers of [
      {},
      { [signatureHeader]: 't=1,v1=00' },
      { [signatureHeader]: '' },
      signed(body, 'another secret than ours'),
      signed(`${body} `),
      signed(body, undefined, late),
      signed(body, undefined, early),
    ]) {
      expectProblem(await deliver(body, headers), 'invalid-signature');
    }
    expectProblem(await deliver('{no json', {}), 'invalid-signature');
    expectProblem(await deliver('', {}), 'invalid-signature');
    expectProblem(await deliver(body, signed(body), '/v1/payments/webhooks/nobody'), 'invalid-signature');
    expectProblem(await deliver('{no json', signed('{no json')), 'bad-request');
    expectProblem(await deliver('{"id":1}', signed('{"id":1}')), 'bad-request');
    const unkeepable = JSON.stringify({ ...captured(payment.id), type: 'balance\0' });
    expectProblem(await deliver(unkeepable, signed(unkeepable)), 'bad-request');
    expect(await statusOf(id)).toBe('paying');
    plan({});
  });

  it('that comes again is 204 again and changes nothing more', async () => {
    plan({ delayMs: [60_000, 60_000] });
    const sku = await client.newSku(2);
    const { id } = await client.hold(sku, 1, { ttlSeconds: 60 });
    const { payment } = paymentStarted.parse((await pay(id)).body);
    const body = JSON.stringify(captured(payment.id, await chargeOf(payment.id)));
    const replies = await Promise.all([1, 2, 3].map(() => deliver(body, signed(body))));
    expect(replies.map(({ status }) => status)).toEqual([204, 204, 204]);
    await becomes(id, 'confirmed');
    expect((await deliver(body, signed(body))).status).toBe(204);
    const strange = JSON.stringify({ ...captured(randomUUID()), charge: undefined, type: 'balance.updated' });
    expect((await deliver(strange, signed(strange))).status).toBe(204);
    expect(await client.level(sku)).toMatchObject({ held: 0, committed: 1 });
    plan({});
  });
});
