/**
 * What a Stripe report says of each payout: the amount in the payout's own row, beside the sum of the rows that name it.
 * Memory is for payouts and dates, not for rows.
 */
import type { StatedBalance } from '../../statement.js';
import { detached } from '../text.js';

export type PayoutRow = {
  readonly id: string;
  readonly line: number;
  /** The row is the payout itself. */
  readonly isPayout: boolean;
  readonly isFee: boolean;
  readonly payoutId: string | null;
  readonly currency: string;
  readonly net: number;
  /** When the payout takes effect, as the file writes it; empty where it does not. */
  readonly effective: string;
};

type Payout = {
  readonly id: string;
  readonly currency: string;
  /** Where the payout itself stands; 0: no such row. */
  line: number;
  stated: number;
  /** The rows that state it, so that one that comes twice says it once. */
  readonly statedBy: Set<string>;
  sum: number;
  rows: number;
  effective: string;
};

export class PayoutTotals {
  private readonly payouts = new Map<string, Payout>();
  /** Fee rows that name no payout, by currency and date. */
  private readonly fees = new Map<string, number>();

  add(row: PayoutRow): void {
    if (row.payoutId !== null) this.addToPayout(row, row.payoutId);
    else if (row.isFee) this.addFee(row);
  }

  /** One for each payout that the file has both the row of and rows for. */
  *balances(): Generator<StatedBalance, void, undefined> {
    for (const payout of this.payouts.values()) {
      if (payout.line === 0 || payout.rows === 0) continue;
      const { id, line, currency } = payout;
      const closing = closingOf(payout, payout.sum);
      if (closing === payout.sum) {
        yield { kind: 'balance', line, batch: id, currency, opening: 0, closing };
        continue;
      }
      const opening = this.feesOf(payout);
      yield {
        kind: 'balance',
        line,
        batch: id,
        currency,
        opening,
        closing: closingOf(payout, payout.sum + opening),
      };
    }
  }

  private addToPayout(row: PayoutRow, id: string): void {
    const { line, isPayout, currency, net, effective } = row;
    const key = `${id} ${currency}`;
    const payout = this.payouts.get(key) ?? this.newPayout(key, id, currency);
    if (isPayout) {
      payout.line = line;
      if (!payout.statedBy.has(row.id)) payout.stated += net;
      payout.statedBy.add(detached(row.id));
    } else {
      payout.sum += net;
      payout.rows += 1;
    }
    if (payout.effective === '' && effective !== '') payout.effective = detached(effective);
  }

  private newPayout(key: string, id: string, currency: string): Payout {
    const payout = {
      id: detached(id),
      currency: detached(currency),
      line: 0,
      stated: 0,
      statedBy: new Set<string>(),
      sum: 0,
      rows: 0,
      effective: '',
    };
    this.payouts.set(detached(key), payout);
    return payout;
  }

  private addFee({ currency, effective, net }: PayoutRow): void {
    const key = detached(`${currency} ${effective}`);
    this.fees.set(key, (this.fees.get(key) ?? 0) + net);
  }

  /** The fees that can only belong to this payout: of its day, or of no day when it is the only one. */
  private feesOf(payout: Payout): number {
    const { currency, effective } = payout;
    const inCurrency = [...this.payouts.values()].filter(
      (other) => other.currency === currency && other.line !== 0,
    );
    const onThatDay = inCurrency.filter((other) => other.effective === effective);
    const dated = onThatDay.length === 1 && effective !== '' ? this.sumOf(currency, effective) : 0;
    const undated = inCurrency.length === 1 ? this.sumOf(currency, '') : 0;
    return dated + undated;
  }

  private sumOf(currency: string, effective: string): number {
    return this.fees.get(`${currency} ${effective}`) ?? 0;
  }
}

/** What leaves the balance is negative and paid to us: turned round, unless the report has done so itself. */
const closingOf = ({ stated }: Payout, sum: number): number =>
  stated !== 0 && Math.sign(stated) === Math.sign(sum) ? stated : stated === 0 ? 0 : -stated;
