/**
 * What must be true of the money in the end: what was taken and not given back belongs to an order, which has no other;
 * everything else is with the buyers again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './world.js';

/** Questions to the provider are up to 30 s apart, for one whose webhook was lost. */
const settledWithinMs = 90_000;

/** What payments came to, by the status that the ledger has in the end. */
export type PaymentCounts = { readonly [status: string]: number };

/** With the buyers gone, waits until nothing is left to be done about payments, and looks where the money is. */
export async function moneyIsWhereItBelongs(world: World): Promise<PaymentCounts> {
  const { witness, ledger, provider } = world;
  const left = await untilSettled(world);
  if (left !== null) witness.add('stuck', `payments are not settled after ${settledWithinMs} ms: ${left}`);
  const { rows } = await ledger.query<PaymentRow>(
    `select p.id, p.status, p.amount::int as cents, o.status as order_status, o.payment_id as order_payment
     from payments p left join orders o on o.reservation_id = p.reservation_id`,
  );
  const known = new Map(rows.map((row) => [row.id, row]));
  for (const [id, cents] of witness.payments) {
    const row = known.get(id);
    if (!row) witness.add('lost', `the payment ${id} is nowhere`);
    else if (row.cents !== cents)
      witness.add('money', `${cents} cents were to be paid, and the ledger has ${JSON.stringify(row)}`);
  }
  const taken = new Map<string, number>();
  for (const { reference, amount } of provider.transactions())
    taken.set(reference, (taken.get(reference) ?? 0) + amount.value);
  for (const id of taken.keys())
    if (!known.has(id)) witness.add('money', `money was taken for the payment ${id}, which is nowhere`);
  for (const row of rows) judge(world, row, taken.get(row.id) ?? 0);
  const byStatus = Map.groupBy(rows, ({ status }) => status);
  return Object.fromEntries(Array.from(byStatus, ([status, those]) => [status, those.length]));
}

type PaymentRow = {
  readonly id: string;
  readonly status: string;
  readonly cents: number;
  readonly order_status: string | null;
  readonly order_payment: string | null;
};

/** `taken`: what the provider has of it, less what it has given back. */
function judge({ witness }: World, row: PaymentRow, taken: number): void {
  const isOfOrder = row.order_payment === row.id && row.order_status !== 'cancelled';
  const due = isOfOrder ? row.cents : 0;
  if (taken !== due)
    witness.add('money', `${taken} of ${due} cents are with the provider for ${JSON.stringify(row)}`);
}

/** What is left to do in the end; null: nothing. */
async function untilSettled({ ledger }: World): Promise<string | null> {
  const giveUpAtMs = performance.now() + settledWithinMs;
  for (;;) {
    const { rows } = await ledger.query(
      `select kind, payment_id, attempts from outbox where payment_id is not null and done_at is null limit 5`,
    );
    if (rows.length === 0) return null;
    if (performance.now() > giveUpAtMs) return JSON.stringify(rows);
    await sleep(100);
  }
}
