/**
 * The verdict after a sale: each invariant, judged by everyone who can tell. The service's own audit is heard where there is
 * one, but what buyers were told weighs as much: either of the two can break an invariant.
 */
import type { Scenario, SimulationReport } from '#contracts';
import { systemClock, systemTimers } from '#platform';
import type { HttpCheckout } from './http-checkout.js';
import type { Plan } from '../scenario/plan.js';
import type { Sale } from '../sale/sale.js';
import type { Testbed } from './testbed.js';
import type { Acknowledgement } from '../sale/witness.js';

export type Verdict = Pick<SimulationReport, 'invariants' | 'crash' | 'oversold' | 'undersold'>;
type Invariant = SimulationReport['invariants'][number];
type Records = { readonly checked: number; readonly lost: number; readonly unsure: number };

/** Acknowledgements looked up afterwards; of more, evenly chosen ones. */
const lookedUpMax = 5_000;
const lookupsAtOnce = 32;
/** Buyers who come after a crash, to see whether what is sold is sold again. */
const latecomersMax = 200;
/** A service that has just been killed and started again may not be ready at once. */
const auditPatienceMs = 30_000;
const auditAgainMs = 500;

export async function judge(
  sale: Sale,
  testbed: Testbed,
  scenario: Scenario,
  plan: Plan,
  options: { readonly crash: boolean },
): Promise<Verdict> {
  const { witness } = sale;
  const undersold = sale.undersold();
  const oversold = witness.oversold();
  const crash = options.crash ? await crashAndLook(sale, testbed, scenario, plan) : null;
  const records = await lookUp(testbed.checkout, witness.all());
  const audited = scenario.strategy === 'holdfast' ? await audit(testbed.checkout) : [];
  const witnessed: readonly Invariant[] = [
    {
      id: 'I1',
      ok: witness.oversold() === 0,
      detail: `${oversold} units acknowledged beyond those there were${crash ? `, ${crash.oversold} more after the crash` : ''}`,
    },
    {
      id: 'I2',
      ok: records.lost === 0 && records.unsure === 0,
      detail:
        `${records.checked} acknowledgements looked up, ${records.lost} not on record` +
        (records.unsure > 0 ? `, ${records.unsure} without an answer` : ''),
    },
    {
      id: 'I3',
      ok: witness.acknowledgedTwice === 0,
      detail: `${witness.acknowledgedTwice} reservations acknowledged to two requests`,
    },
    ...(scenario.buyerLimit === null
      ? []
      : [
          {
            id: 'I4',
            ok: witness.beyondLimit === 0,
            detail: `${witness.beyondLimit} acknowledgements beyond the limit of ${scenario.buyerLimit} a buyer`,
          },
        ]),
  ];
  return { invariants: merge(audited, witnessed), crash, oversold, undersold };
}

/** Both have to hold; both say what they saw. */
function merge(audited: readonly Invariant[], witnessed: readonly Invariant[]): Invariant[] {
  const merged = new Map(audited.map((invariant) => [invariant.id, invariant]));
  for (const { id, ok, detail } of witnessed) {
    const heard = merged.get(id);
    merged.set(id, {
      id,
      ok: ok && (heard?.ok ?? true),
      detail: heard ? `buyers: ${detail}; audit: ${heard.detail}` : `buyers: ${detail}`,
    });
  }
  return [...merged.values()];
}

async function crashAndLook(
  sale: Sale,
  testbed: Testbed,
  scenario: Scenario,
  plan: Plan,
): Promise<SimulationReport['crash']> {
  const { witness } = sale;
  const before = witness.oversold();
  await testbed.crash(plan);
  const { checked, lost } = await lookUp(testbed.checkout, witness.all());
  const lines = [{ sku: [...plan.stock.keys()][0]!, quantity: 1 }];
  const late = Array.from({ length: Math.min(latecomersMax, scenario.buyers) }, async (_, index) => {
    const buyerId = `${lines[0]!.sku}-late-${index}`;
    const answer = await testbed.checkout.reserve({ buyerId, lines, key: buyerId });
    if (answer.kind === 'refused') return;
    const { id, expiresAtMs, createdAtMs } = answer;
    const atMs = Math.max(systemClock.nowMs(), createdAtMs ?? 0);
    witness.acknowledged({ id, buyerId, lines, atMs, expiresAtMs });
  });
  await Promise.all(late);
  return { checked, lost, oversold: witness.oversold() - before };
}

async function lookUp(checkout: HttpCheckout, acknowledged: readonly Acknowledgement[]): Promise<Records> {
  const step = Math.max(1, acknowledged.length / lookedUpMax);
  const chosen = Array.from(
    { length: Math.min(acknowledged.length, lookedUpMax) },
    (_, index) => acknowledged[Math.floor(index * step)]!,
  );
  const records = { checked: chosen.length, lost: 0, unsure: 0 };
  const rest = chosen.values();
  const look = async (): Promise<void> => {
    for (const { id } of rest) {
      const known = await checkout.isKnown(id);
      if (known === false) records.lost += 1;
      if (known === undefined) records.unsure += 1;
    }
  };
  await Promise.all(Array.from({ length: lookupsAtOnce }, look));
  return records;
}

/** Everything that is under way has to end up in the ledger first: the audit is asked again until it is content. */
async function audit(checkout: HttpCheckout): Promise<readonly Invariant[]> {
  const giveUpAtMs = systemClock.monotonicMs() + auditPatienceMs;
  for (;;) {
    const { ok, invariants } = await checkout.audit();
    if (ok || systemClock.monotonicMs() > giveUpAtMs) return invariants;
    await systemTimers.sleep(auditAgainMs);
  }
}
