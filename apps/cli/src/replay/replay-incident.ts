/**
 * The incident of docs/reconciliation.md, replayed: a provider whose pages come in no stable order, whose replica is behind, and
 * whose rows become visible some time after they happened, while buyers pay and all their webhooks are lost. Three services read
 * it, and each pays an order out once it learns that it is paid.
 */
import { sql, type Database } from '#ledger';
import { SandboxProvider, type SandboxAccount } from '#payments';
import { systemIds, systemTimers } from '#platform';
import type { PaymentCommands, WalkPolicy } from '#reconciliation';
import { pullByKeyset, pullByOffset, pullByWalk, type PayOut, type Puller } from './pullers.js';

export type IncidentOptions = {
  /** Migrated, and used by nobody else. */
  readonly db: Database;
  readonly commands: PaymentCommands;
  /** A sandbox of its own: its faults are planned here. */
  readonly sandbox: SandboxAccount;
  readonly orders: number;
  readonly pageSize: number;
  /** Over this time the buyers pay. */
  readonly salesMs: number;
  readonly onPaid: (orders: number) => void;
};

type ReaderReport = {
  readonly reader: 'offset pages' | 'cursor on (time, id)' | 'Holdfast';
  readonly payouts: number;
  readonly paidTwice: number;
  readonly neverPaid: number;
};
export type IncidentReport = { readonly orders: number; readonly readers: readonly ReaderReport[] };

/** Nobody is told anything; rows are seen up to 1.2 s late, and pages come from a replica that is 0.9 s behind. */
const faults = {
  decline: 0,
  delayMs: [0, 20],
  lose: 1,
  duplicate: 0,
  reorder: 0,
  loseReply: 0,
  refuseCancel: 0,
  visibleAfterMs: [0, 1_200],
  replicaLagMs: 900,
};
const walkPolicy = {
  overlap: 1_000,
  safetyLag: 1_300,
  windowMax: 86_400_000,
  lookBack: 600_000,
  closeSpacing: 1_000,
  checksAfterClose: [],
} satisfies Omit<WalkPolicy, 'pageSize'>;
/** After it, everything that was booked can be seen and lies below the horizon. */
const settlingMs = 2_800;
const pullEveryMs = 350;
const buyersAtOnce = 10;
const amount = { value: 4_900, currency: 'EUR' };

export async function replayIncident(options: IncidentOptions): Promise<IncidentReport> {
  const { db, sandbox, commands, pageSize, orders } = options;
  await planFaults(sandbox);
  const source = new SandboxProvider(sandbox);
  const paymentIds = await putPendingPayments(db, orders);
  const payouts = { offset: new PayoutCounter(), keyset: new PayoutCounter(), walk: new PayoutCounter() };
  const pullers = [
    pullByOffset(sandbox, pageSize, payouts.offset.payOut),
    pullByKeyset(source, pageSize, payouts.keyset.payOut),
    pullByWalk(db, source, {
      walkPolicy: { ...walkPolicy, pageSize },
      commands,
      payOut: payouts.walk.payOut,
    }),
  ];
  const selling = sell(source, paymentIds, options).then(() => systemTimers.sleep(settlingMs));
  await Promise.all(pullers.map((puller) => pullUntil(puller, selling)));
  return {
    orders,
    readers: [
      payouts.offset.report('offset pages', paymentIds),
      payouts.keyset.report('cursor on (time, id)', paymentIds),
      payouts.walk.report('Holdfast', paymentIds),
    ],
  };
}

async function planFaults({ url, apiKey }: SandboxAccount): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const reply = await fetch(`${url}/faults`, { method: 'PUT', headers, body: JSON.stringify(faults) });
  if (!reply.ok) throw new Error(`the sandbox refuses the faults: ${await reply.text()}`);
}

/** Counts the money that leaves. */
class PayoutCounter {
  private readonly payouts = new Map<string, number>();

  readonly payOut: PayOut = (paymentId) => {
    this.payouts.set(paymentId, (this.payouts.get(paymentId) ?? 0) + 1);
  };

  report(reader: ReaderReport['reader'], paymentIds: readonly string[]): ReaderReport {
    const counts = paymentIds.map((id) => this.payouts.get(id) ?? 0);
    return {
      reader,
      payouts: [...this.payouts.values()].reduce((sum, count) => sum + count, 0),
      paidTwice: counts.filter((count) => count > 1).length,
      neverPaid: counts.filter((count) => count === 0).length,
    };
  }
}

/** Payments as they are while their provider has not said anything. */
async function putPendingPayments(db: Database, count: number): Promise<string[]> {
  const list = Array.from({ length: count }, () => [systemIds.uuid(), systemIds.uuid()]);
  await sql`
    with wanted as (select value->>0 as payment, value->>1 as reservation from json_array_elements(${JSON.stringify(list)}::json)),
    reserved as (
      insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
      select reservation::uuid, 'paying', 'buyer', '{0}', now(), now() + interval '1 hour' from wanted returning id
    )
    insert into payments (id, reservation_id, provider, amount, currency, status, created_at)
    select payment::uuid, reserved.id, 'sandbox', ${amount.value}, ${amount.currency}, 'pending', now()
    from wanted join reserved on reserved.id = reservation::uuid`.execute(db);
  return list.map(([paymentId]) => paymentId!);
}

async function sell(
  source: SandboxProvider,
  paymentIds: readonly string[],
  { salesMs, onPaid }: IncidentOptions,
): Promise<void> {
  const pauseMs = salesMs / Math.ceil(paymentIds.length / buyersAtOnce);
  for (let first = 0; first < paymentIds.length; first += buyersAtOnce) {
    const some = paymentIds.slice(first, first + buyersAtOnce);
    await Promise.all(
      some.map((paymentId) => source.createCharge({ paymentId, reservationId: paymentId, amount })),
    );
    onPaid(first + some.length);
    await systemTimers.sleep(pauseMs);
  }
}

/** Pulls now and then, and once more when everything is there. */
async function pullUntil(puller: Puller, end: Promise<void>): Promise<void> {
  const over = end.then(() => true);
  const pause = () => systemTimers.sleep(pullEveryMs).then(() => false);
  do await puller.pull();
  while (!(await Promise.race([over, pause()])));
  await puller.pull();
}
