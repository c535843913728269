/** Reconciliation over HTTP: a file is handed in, looked at, decided about, and handed in again. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  acceptedRun,
  discrepancy,
  pageOf,
  reconciliationReport,
  reconciliationRun,
  type WireDiscrepancy,
  type WireReconciliationRun,
} from '#contracts';
import { Client, expectProblem, type Reply } from '../fixtures/client.js';
import { eventually } from '../fixtures/holdfast.js';
import { startService } from '../fixtures/service.js';

const statement = path.resolve(
  import.meta.dirname,
  '../fixtures/statements/stripe-payout-reconciliation.csv',
);

let client: Client;
let file: Buffer;
beforeAll(async () => {
  [client, file] = [new Client(await startService()), await readFile(statement)];
});
afterAll(() => client.service.stop());

const admin = { key: 'admin' } as const;
const upload = (
  body: Uint8Array | string,
  query = 'format=stripe-payout-csv',
  idempotencyKey = randomUUID(),
) =>
  client.post<{ id: string }>(`/v1/reconciliations/files?${query}`, body, {
    ...admin,
    idempotencyKey,
    headers: { 'content-type': 'text/csv' },
  });

async function ended(accepted: Reply<{ id: string }>): Promise<WireReconciliationRun> {
  expect(accepted.status).toBe(202);
  const { id } = acceptedRun.parse(accepted.body);
  let run: WireReconciliationRun | undefined;
  await eventually('the run ends', async () => {
    const reply = await client.request(`/v1/reconciliations/${id}`, admin);
    run = reconciliationRun.parse(reply.body);
    return run.finishedAt !== null;
  });
  return run!;
}

describe('a statement file', () => {
  it('is taken, reported in three forms, decided about, and changes nothing when it comes again', async () => {
    const first = await ended(await upload(file, 'format=stripe-payout-csv&file=november.csv'));
    expect(first).toMatchObject({
      status: 'succeeded',
      kind: 'file',
      file: 'november.csv',
      requestedBy: 'ops',
    });
    const { rows, inserted, duplicates, quarantined, tieOut } = first.result!;
    expect(rows).toBe(inserted + duplicates + quarantined);
    expect(inserted).toBeGreaterThan(3);
    expect(tieOut.length).toBeGreaterThan(0);

    const found = pageOf(discrepancy).parse(
      (
        await client.request(
          `/v1/reconciliations/${first.id}/discrepancies?code=MISSING_INTERNAL&limit=1`,
          admin,
        )
      ).body,
    );
    expect(found.nextCursor).not.toBeNull();
    const [missing] = found.data;
    const resolve = (action: string, idempotencyKey = randomUUID()) =>
      client.post<WireDiscrepancy>(
        `/v1/discrepancies/${missing!.id}/resolve`,
        { action, reason: 'sold at the counter' },
        { ...admin, idempotencyKey },
      );
    const key = randomUUID();
    const resolved = await resolve('resolve', key);
    expect(discrepancy.parse(resolved.body)).toMatchObject({
      state: 'resolved',
      history: [
        { action: 'open', actor: 'reconciliation', before: null, after: 'open' },
        { action: 'resolve', actor: 'ops', reason: 'sold at the counter', before: 'open', after: 'resolved' },
      ],
    });
    const replayed = await resolve('resolve', key);
    expect(replayed.headers.get('idempotent-replayed')).toBe('true');
    expect(replayed.text).toBe(resolved.text);
    expectProblem(await resolve('void'), 'discrepancy-ended');

    const again = await ended(await upload(file));
    expect(again.result).toMatchObject({ inserted: 0, duplicates: rows - quarantined, quarantined });
    // What a person has decided stays decided, and its row counts as ignored.
    const count = (run: WireReconciliationRun) => run.result!.discrepancies['MISSING_INTERNAL'] ?? 0;
    expect(count(again)).toBe(count(first) - 1);
    for (const total of again.result!.currencies) {
      expect(total.matched.rows + total.open.rows + total.ignored.rows).toBe(total.rows);
    }

    const where = `/v1/reconciliations/${again.id}/report`;
    const report = reconciliationReport.parse((await client.request(where, admin)).body);
    expect(report.sections.map(({ code }) => code)).toContain('MISSING_INTERNAL');
    const csv = await client.request(`${where}?format=csv`, admin);
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text.trimEnd().split('\r\n')).toHaveLength(rows - quarantined + 1);
    const html = await client.request(`${where}?format=html`, admin);
    expect(html.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(html.text).toContain('<h2>Totals</h2>');
  });

  it('of any size is taken: the limit of other bodies is not its own', async () => {
    const [header, ...lines] = file.toString().split('\n');
    const line = lines.find(
      (text) => text.startsWith('po_') && text.includes('charge') && !text.includes('""'),
    )!;
    const many = Array.from({ length: 1_500 }, (_, index) =>
      line.replace(/txn_\w+/, `txn_large_${index}`).replaceAll(/po_\w+/g, 'po_large'),
    );
    const body = [header, ...many].join('\n');
    expect(body.length).toBeGreaterThan(128 * 1_024);
    expect((await ended(await upload(body))).rows).toBe(1_500);
  });

  it('under one key is one run, and another file under it is refused', async () => {
    const key = randomUUID();
    const first = await upload(file, 'format=stripe-payout-csv', key);
    const second = await upload(file, 'format=stripe-payout-csv', key);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.text).toBe(first.text);
    expectProblem(await upload('another', 'format=stripe-payout-csv', key), 'idempotency-key-reused');
    await ended(first);
  });

  it('under one key is asked for in one way, however that is spelled', async () => {
    const key = randomUUID();
    const query = 'format=stripe-payout-csv&file=october.csv';
    const first = await upload(file, `${query}&mode=dry-run`, key);
    const again = await upload(file, `mode=dry%2Drun&${query}`, key);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.text).toBe(first.text);
    for (const other of [query, `${query}&mode=commit`, 'format=stripe-payout-csv&mode=dry-run'])
      expectProblem(await upload(file, other, key), 'idempotency-key-reused');
    await ended(first);
  });

  it('that is none of its format fails, and nothing is kept', async () => {
    const run = await ended(await upload('this is no statement\n'));
    expect(run).toMatchObject({ status: 'failed', inserted: 0, error: expect.stringContaining('format') });
  });

  it('in a dry run says what it would come to', async () => {
    const body = file.toString().replaceAll('txn_', 'txn_dry_');
    const run = await ended(await upload(body, 'format=stripe-payout-csv&mode=dry-run'));
    expect(run).toMatchObject({ mode: 'dry-run', status: 'succeeded' });
    const real = await ended(await upload(body));
    expect(real.result).toMatchObject({ inserted: run.result!.inserted, matched: run.result!.matched });
  });

  it('wants a body, a known format and a key', async () => {
    expectProblem(await upload(''), 'invalid-request');
    expectProblem(await upload(file, 'format=xlsx'), 'invalid-request');
    expectProblem(await upload(file, 'mode=commit'), 'invalid-request');
    expectProblem(await upload(file, 'format=mt940&file=a%00b'), 'invalid-request');
    expectProblem(
      await client.request('/v1/reconciliations/files?format=mt940', {
        method: 'POST',
        ...admin,
        body: 'x',
        headers: { 'content-type': 'text/plain' },
      }),
      'idempotency-key-missing',
    );
  });
});

describe('requests', () => {
  it('for a provider that nobody knows, or a range that ends before it begins, are refused', async () => {
    expectProblem(await client.post('/v1/reconciliations', { provider: 'nobody' }, admin), 'invalid-request');
    const [from, to] = ['2026-11-02T00:00:00Z', '2026-11-01T00:00:00Z'];
    const request = (body: object) =>
      client.post('/v1/reconciliations', { provider: 'stripe', ...body }, admin);
    expectProblem(await request({ from, to }), 'invalid-request');
    for (const odd of ['0000-01-01T00:00:00+14:00', '9999-12-31T23:59:59-14:00'])
      expect((await request({ to: odd })).text).toContain('A time from 1970 to 9998');
  });

  it('for what does not exist are told so', async () => {
    for (const id of [randomUUID(), 'x', '%00']) {
      expectProblem(await client.request(`/v1/reconciliations/${id}`, admin), 'unknown-reconciliation');
      expectProblem(
        await client.request(`/v1/reconciliations/${id}/report?format=csv`, admin),
        'unknown-reconciliation',
      );
      expectProblem(
        await client.request(`/v1/reconciliations/${id}/discrepancies`, admin),
        'unknown-reconciliation',
      );
      const body = { action: 'void', reason: 'a mistake' };
      expectProblem(await client.post(`/v1/discrepancies/${id}/resolve`, body, admin), 'unknown-discrepancy');
    }
  });

  it('lists give every run and discrepancy once, by pages', async () => {
    for (const where of ['/v1/reconciliations', '/v1/discrepancies']) {
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const query: string = new URLSearchParams({ limit: '2', ...(cursor && { cursor }) }).toString();
        const reply: Reply<{ data: { id: string }[]; nextCursor: string | null }> = await client.request(
          `${where}?${query}`,
          admin,
        );
        expect(reply.status).toBe(200);
        ids.push(...reply.body.data.map(({ id }) => id));
        cursor = ids.length < 40 ? reply.body.nextCursor : null;
      } while (cursor !== null);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBeGreaterThan(2);
    }
  });
});

describe('/queues', () => {
  it('is for admins, by their key or by it as a password', async () => {
    expectProblem(await client.request('/queues', { key: null }), 'unauthenticated');
    expectProblem(await client.request('/queues', { key: 'storefront' }), 'insufficient-scope');
    const page = await client.request('/queues', admin);
    expect(page.status).toBe(200);
    expect(page.text).toContain('Holdfast');
    const basic = Buffer.from(`me:${client.service.adminKey}`).toString('base64');
    const queues = await client.request<{ queues: { name: string; readOnlyMode: boolean }[] }>(
      '/queues/api/queues',
      { key: null, headers: { authorization: `Basic ${basic}` } },
    );
    expect(queues.body.queues).toContainEqual(
      expect.objectContaining({ name: 'reconciliation', readOnlyMode: true }),
    );
  });
});
