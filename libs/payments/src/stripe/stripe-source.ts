/**
 * Stripe's balance transactions, as reconciliation walks them: by time, newest first, and by payout. Stripe's clock is the
 * Date of its answers. Which payout carries a transaction is only said when one asks by payout, and only of automatic ones:
 * about one that was made by hand, or at once, the question itself is refused.
 */
import { UnavailableError } from '#domain';
import type { Stripe } from 'stripe';

import type { ProviderTransaction } from '../provider-transaction.js';
import type { SourcePage, SourceWindow, TransactionSource } from '../transaction-source.js';
import { fromStripe } from './stripe-amounts.js';
import {
  ask,
  isBadRequest,
  isUnknown,
  openStripe,
  stripeName,
  unavailable,
  type StripeAccount,
} from './stripe-client.js';
import { kindOf } from './stripe-kinds.js';
import { stripeBalanceTransaction, type StripeBalanceTransaction } from './stripe-objects.js';

const pageSizeMax = 100;
const expand = ['data.source'];

export class StripeSource implements TransactionSource {
  readonly provider = stripeName;
  readonly account = 'default';
  readonly clock = 'time';
  private readonly stripe: Stripe;

  constructor(account: StripeAccount) {
    this.stripe = openStripe(account);
  }

  async now(): Promise<number> {
    const answer = await ask(() => this.stripe.balanceTransactions.list({ limit: 1 }));
    return clockOf(answer);
  }

  /** Stripe dates by the second, which belongs to the window that its beginning belongs to. */
  listTransactions({ from, until }: SourceWindow, after: string | null, limit: number): Promise<SourcePage> {
    const created = { gte: Math.ceil(from / 1000), lt: Math.ceil(until / 1000) };
    return this.list({ created }, null, after, limit);
  }

  async listPayoutTransactions(
    payoutId: string,
    after: string | null,
    limit: number,
  ): Promise<SourcePage | null> {
    try {
      return await this.list({ payout: payoutId }, payoutId, after, limit);
    } catch (error) {
      // On a later page it would be the place in the list that is refused.
      if (after === null && error instanceof UnavailableError && isBadRequest(error.cause)) return null;
      throw error;
    }
  }

  async fetchTransaction(id: string): Promise<ProviderTransaction | null> {
    const found = await ask(
      () => this.stripe.balanceTransactions.retrieve(id, { expand: ['source'] }),
      (error) => (isUnknown(error) ? null : undefined),
    );
    return found === null ? null : transactionOf(found, null);
  }

  private async list(
    filter: Stripe.BalanceTransactionListParams,
    payoutId: string | null,
    after: string | null,
    limit: number,
  ): Promise<SourcePage> {
    const answer = await ask(() =>
      this.stripe.balanceTransactions.list({
        ...filter,
        expand,
        limit: Math.min(limit, pageSizeMax),
        ...(after !== null && { starting_after: after }),
      }),
    );
    const transactions = answer.data.map((row) => transactionOf(row, payoutId));
    return {
      transactions,
      next: answer.has_more ? (answer.data.at(-1)?.id ?? null) : null,
      now: clockOf(answer),
    };
  }
}

function clockOf({
  lastResponse,
}: {
  readonly lastResponse: { readonly headers: Record<string, string> };
}): number {
  const now = Date.parse(lastResponse.headers['date'] ?? '');
  if (Number.isNaN(now))
    throw new UnavailableError('provider-unavailable', `${stripeName} does not say what time it is`, false);
  return now;
}

/** @param payoutId that the row was asked by */
function transactionOf(row: unknown, payoutId: string | null): ProviderTransaction {
  const read = stripeBalanceTransaction.safeParse(row);
  if (!read.success) throw unavailable(read.error);
  const { id, created, currency, description, source, type, reporting_category: category } = read.data;
  const sourceId = typeof source === 'string' ? source : (source?.id ?? null);
  const kind = kindOf(category === '' ? type : category, description ?? '', sourceId);
  return {
    id,
    kind,
    gross: money(read.data.amount, currency, id),
    fee: money(read.data.fee, currency, id),
    net: money(read.data.net, currency, id),
    paymentReference: paymentOf(read.data, sourceId),
    merchantReference: merchantReferenceOf(read.data),
    payoutId: payoutId ?? (type === 'payout' ? sourceId : null),
    occurredAtMs: created * 1000,
    raw: rawOf(row as object, sourceId),
  };
}

/** As it came, without what changes of itself: `status` goes from pending to available, the source lives its own life. */
function rawOf(row: object, source: string | null): string {
  const lasting = Object.entries(row).filter(([name]) => name !== 'status' && name !== 'source');
  return JSON.stringify(Object.fromEntries([...lasting, ['source', source]]));
}

/** The payment intent, which is what a charge of ours is called at Stripe; of a charge without one its own id. */
function paymentOf({ source }: StripeBalanceTransaction, sourceId: string | null): string | null {
  if (source === null || source === undefined || typeof source === 'string') {
    return sourceId !== null && /^(?:ch|py)_/.test(sourceId) ? sourceId : null;
  }
  return source.payment_intent ?? source.charge ?? (source.object === 'charge' ? source.id : null);
}

function merchantReferenceOf({ source }: StripeBalanceTransaction): string | null {
  if (source === null || source === undefined || typeof source === 'string') return null;
  return (
    source.metadata['reservation_id'] ?? source.metadata['payment_id'] ?? source.metadata['order_id'] ?? null
  );
}

function money(amount: number, currency: string, id: string): ProviderTransaction['net'] {
  const read = fromStripe(amount, currency);
  if (read === null) throw unavailable(new Error(`${id}: ${amount} ${currency} is finer than the currency`));
  return read;
}
