/**
 * Which of a statement's balances its entries lead from and to. Booked balances only: opening (OPBD), or what the statement
 * before closed with (PRCD); closing (CLBD). Pages of a statement have interim ones (ITBD) in their place, and statements
 * of several days a pair for each day: the earliest opening and the latest closing are meant.
 */
import type { StatedBalance, StatementLink } from '../../statement.js';
import { unordered } from './statement-order.js';

type Balance = {
  readonly code: string;
  readonly currency: string;
  /** Null: it could not be read, and nothing ties to it. */
  readonly value: number | null;
  readonly date: string;
};

/** What a statement says of its place among others; a null sequence: it has no number. */
type Place = { readonly account: string; readonly id: string; readonly sequence: number | null };

/** A statement of a few years, day by day. */
const balancesMax = 10_000;

export class CamtBalances {
  private readonly balances: Balance[] = [];

  add(balance: Balance): void {
    if (this.balances.length < balancesMax) this.balances.push(balance);
  }

  /** One for each currency that has a closing balance, if the statement says what it opened with. */
  *stated(
    line: number,
    batch: string,
    place: Place,
  ): Generator<StatedBalance | StatementLink, void, undefined> {
    const interim = this.balances.filter(({ code }) => code === 'ITBD');
    const openings = this.first('OPBD') ?? this.first('PRCD') ?? interim.slice(0, 1);
    const closings = this.first('CLBD') ?? interim.slice(openings[0]?.code === 'ITBD' ? 1 : 0);
    if (openings.length === 0) return;
    for (const currency of new Set(closings.map((balance) => balance.currency))) {
      const opening = earliest(openings.filter((balance) => balance.currency === currency));
      const closing = latest(closings.filter((balance) => balance.currency === currency));
      yield {
        kind: 'balance',
        line,
        batch,
        currency,
        opening: opening?.value ?? 0,
        closing: closing?.value ?? 0,
      };
      yield* linkOf(opening, closing, { line, batch, ...place });
    }
  }

  private first(code: string): Balance[] | undefined {
    const found = this.balances.filter((balance) => balance.code === code);
    return found.length === 0 ? undefined : found;
  }
}

const earliest = (balances: readonly Balance[]): Balance | undefined =>
  balances.reduce<Balance | undefined>(
    (best, one) => (best === undefined || one.date < best.date ? one : best),
    undefined,
  );
const latest = (balances: readonly Balance[]): Balance | undefined =>
  balances.reduce<Balance | undefined>(
    (best, one) => (best === undefined || one.date >= best.date ? one : best),
    undefined,
  );

/** Only what can be read and is dated has a place among the statements of its account. */
function* linkOf(
  opening: Balance | undefined,
  closing: Balance | undefined,
  of: Place & { readonly line: number; readonly batch: string },
): Generator<StatementLink, void, undefined> {
  if (opening === undefined || opening.value === null || closing === undefined || closing.value === null)
    return;
  const [since, until] = [dayOf(opening.date), dayOf(closing.date)];
  const { line, batch, account, id } = of;
  if (since === null || until === null || account === '') return;
  const { currency } = closing;
  const sequence = of.sequence ?? unordered(id, `${opening.value}`);
  const covers = { since, until, sequence, begins: opening.value, ends: closing.value };
  yield { kind: 'link', line, batch, chain: `${account} ${currency}`, currency, ...covers };
}

/** 2026-11-02, with or without a time, as 20261102. */
function dayOf(date: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})/.exec(date);
  return match === null ? null : Number(match.slice(1).join(''));
}
