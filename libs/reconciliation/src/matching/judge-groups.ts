/** From rows to whole groups: finds whose they are, reads what else belongs there, and has each group judged. */
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';
import { readGroups, readPayments, reservationsBehind, type StoredRow } from './group-repository.js';
import { isNameless, judgeByAmount } from './judge-by-amount.js';
import { judgeReservation, judgeStray } from './judge.js';
import type { Verdicts } from './judgement.js';
import type { MatchPolicy } from './match-policy.js';

export type JudgedGroups = {
  readonly verdicts: Verdicts;
  /** Every row that there is a verdict about, as it is on record. */
  readonly stored: ReadonlyMap<number, StoredRow>;
};

/** The rows of each reservation, each row once. */
class Groups {
  readonly rows = new Map<string, Map<number, StoredRow>>();

  add(reservationId: string, row: StoredRow): void {
    const group = this.rows.get(reservationId);
    if (group) group.set(row.number, row);
    else this.rows.set(reservationId, new Map([[row.number, row]]));
  }

  all(): StoredRow[] {
    return Array.from(this.rows.values(), (rows) => [...rows.values()]).flat();
  }

  /** Takes out what names nothing of ours: whose that is, is another question. */
  takeNameless(): StoredRow[] {
    const taken: StoredRow[] = [];
    for (const group of this.rows.values()) {
      for (const row of [...group.values()].filter(isNameless)) {
        group.delete(row.number);
        taken.push(row);
      }
    }
    return taken;
  }

  /** The reservations whose charge is known by a name. */
  named(): string[] {
    const hasCharge = (rows: Map<number, StoredRow>) =>
      [...rows.values()].some(({ kind }) => kind === 'charge');
    return [...this.rows].filter(([, rows]) => hasCharge(rows)).map(([reservationId]) => reservationId);
  }
}

export async function judgeGroups(
  tx: Database,
  { account, policy }: { readonly account: ProviderAccount; readonly policy: MatchPolicy },
  inbox: readonly StoredRow[],
): Promise<JudgedGroups> {
  const behind = await reservationsBehind(tx, account.provider, inbox);
  const groups = new Groups();
  const strays: StoredRow[] = [];
  for (const row of inbox) {
    const { id, paymentReference, merchantReference } = row;
    const reservationId =
      behind.get(paymentReference ?? '') ?? behind.get(id) ?? behind.get(merchantReference ?? '');
    if (reservationId === undefined) strays.push(row);
    else groups.add(reservationId, row);
  }
  await readWhole(tx, account, groups, [...groups.rows.keys()]);
  const nameless = new Map(
    [...strays.filter(isNameless), ...groups.takeNameless()].map((row) => [row.number, row]),
  );
  const byAmount = await judgeByAmount(tx, account, {
    rows: [...nameless.values()],
    taken: groups.named(),
    policy,
  });
  const further = byAmount.found.filter(({ reservationId }) => !groups.rows.has(reservationId));
  await readWhole(
    tx,
    account,
    groups,
    further.map(({ reservationId }) => reservationId),
  );
  groups.takeNameless();
  for (const { reservationId, row } of byAmount.found) groups.add(reservationId, row);
  const alone = [...strays.filter((row) => !isNameless(row)), ...nameless.values()].filter(
    ({ number }) => !byAmount.considered.has(number),
  );
  const judged = await judgeAll(tx, account, groups, alone, policy);
  const all = [...groups.all(), ...byAmount.ambiguous, ...alone];
  return {
    verdicts: joined([byAmount.verdicts, ...judged]),
    stored: new Map(all.map((row) => [row.number, row])),
  };
}

async function readWhole(
  tx: Database,
  account: ProviderAccount,
  groups: Groups,
  reservationIds: readonly string[],
): Promise<void> {
  for (const row of await readGroups(tx, account, reservationIds)) groups.add(row.reservationId!, row);
}

async function judgeAll(
  tx: Database,
  { provider }: ProviderAccount,
  groups: Groups,
  alone: readonly StoredRow[],
  policy: MatchPolicy,
): Promise<Verdicts[]> {
  const payments = Map.groupBy(
    await readPayments(tx, provider, [...groups.rows.keys()]),
    ({ reservationId }) => reservationId,
  );
  return [
    ...Array.from(groups.rows, ([reservationId, rows]) =>
      judgeReservation(reservationId, [...rows.values()], payments.get(reservationId) ?? [], policy),
    ),
    ...alone.map(judgeStray),
  ];
}

function joined(all: readonly Verdicts[]): Verdicts {
  return {
    rows: all.flatMap(({ rows }) => rows),
    findings: all.flatMap(({ findings }) => findings),
    effects: all.flatMap(({ effects }) => effects),
  };
}
