/**
 * What reconciliation has the ledger do: never by itself, always by a command of the payments' own, which is idempotent. An
 * effect is written with the verdict that wants it and carried out afterwards; whoever dies in between is followed
 * by somebody who carries it out again, under the same key, to no other end.
 */
import { sql } from 'kysely';
import type { Money } from '#domain';
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';

export type CommandOutcome =
  | { readonly kind: 'done'; readonly detail: string }
  /** Decided otherwise, for good: a person has to look at it. */
  | { readonly kind: 'refused'; readonly detail: string };

/** The payments' commands. Each is safe to repeat; UnavailableError: not now. */
export interface PaymentCommands {
  /**
   * The provider has the money for this payment. The order is confirmed; where the reservation has lapsed, stock is
   * acquired again or the money is owed back.
   */
  captured(command: {
    readonly provider: string;
    readonly paymentId: string;
    readonly providerPaymentId: string;
    readonly amount: Money;
  }): Promise<CommandOutcome>;

  /** The provider has taken money once too often for this reservation: it is owed back. */
  capturedTwice(command: {
    readonly provider: string;
    readonly reservationId: string;
    readonly providerPaymentId: string;
    readonly amount: Money;
  }): Promise<CommandOutcome>;
}

export type DueEffect = {
  readonly key: string;
  readonly kind: 'capture' | 'second-capture';
  readonly number: number;
  readonly account: ProviderAccount;
  readonly reservationId: string;
  readonly paymentId: string | null;
  readonly providerPaymentId: string;
  readonly amount: Money;
};

type Row = {
  key: string;
  kind: DueEffect['kind'];
  number: number;
  provider: string;
  account: string;
  reservation_id: string;
  payment_id: string | null;
  provider_payment_id: string;
  gross: number;
  currency: string;
};

const select = sql`
  select e.key, e.kind, e.number, t.provider, t.account, e.reservation_id, e.payment_id,
    coalesce(t.payment_reference, t.id) as provider_payment_id, t.gross, t.currency
  from reconciliation_effects e join provider_transactions t on t.number = e.number where e.state = 'due'`;

/** The oldest that are still to be carried out, for this account. */
export async function dueEffects(
  db: Database,
  { provider, account }: ProviderAccount,
  limit: number,
): Promise<DueEffect[]> {
  const { rows } = await sql<Row>`
    ${select} and t.provider = ${provider} and t.account = ${account}
    order by e.created_at, e.key limit ${limit}`.execute(db);
  return rows.map(toEffect);
}

/** One by its key; undefined: there is none, or it has been carried out. */
export async function findDueEffect(db: Database, key: string): Promise<DueEffect | undefined> {
  const { rows } = await sql<Row>`${select} and e.key = ${key}`.execute(db);
  return rows[0] && toEffect(rows[0]);
}

/**
 * Carries an effect out and puts its row before the judge again. No transaction is held while the payments work.
 * @throws UnavailableError: it stays due
 */
export async function carryOut(
  db: Database,
  commands: PaymentCommands,
  effect: DueEffect,
): Promise<CommandOutcome> {
  const { account, reservationId, paymentId, providerPaymentId, amount } = effect;
  const { provider } = account;
  const outcome =
    effect.kind === 'capture' && paymentId !== null
      ? await commands.captured({ provider, paymentId, providerPaymentId, amount })
      : await commands.capturedTwice({ provider, reservationId, providerPaymentId, amount });
  await sql`
    with ended as (
      update reconciliation_effects set state = ${outcome.kind}, detail = ${outcome.detail}, done_at = now()
      where key = ${effect.key} and state = 'due' returning number
    )
    update provider_transactions set judged = false where number in (select number from ended)`.execute(db);
  return outcome;
}

function toEffect(row: Row): DueEffect {
  return {
    key: row.key,
    kind: row.kind,
    number: row.number,
    account: { provider: row.provider, account: row.account },
    reservationId: row.reservation_id,
    paymentId: row.payment_id,
    providerPaymentId: row.provider_payment_id,
    amount: { value: row.gross, currency: row.currency },
  };
}

/** The accounts that have effects to be carried out. */
export async function effectAccounts(db: Database): Promise<ProviderAccount[]> {
  const { rows } = await sql<ProviderAccount>`
    select distinct t.provider, t.account
    from reconciliation_effects e join provider_transactions t on t.number = e.number
    where e.state = 'due' order by 1, 2`.execute(db);
  return rows;
}
