/** The parts that payments consist of, put together. */
import { ErrandRepository, RefundRepository, type Database } from '#ledger';
import type { PaymentProvider } from '#payments';
import type { Parts } from '../ports.js';
import { Backlog } from '../upkeep/backlog.js';
import { NamedPayments } from './named-payments.js';
import { PaymentErrands } from './payment-errands.js';
import { Payments } from './payments.js';
import { Settlement } from './settlement.js';

export function openPayments(
  parts: Parts,
  options: {
    readonly db: Database;
    readonly providers: readonly PaymentProvider[];
    readonly paymentTtlSeconds: number;
    readonly report: (message: string, facts: Record<string, unknown>) => void;
  },
): { payments: Payments; named: NamedPayments; errands: PaymentErrands; backlog: Backlog } {
  const { db, paymentTtlSeconds, report } = options;
  const settlement = new Settlement(parts);
  const providers = new Map(options.providers.map((provider) => [provider.name, provider]));
  const outbox = new ErrandRepository(db);
  const errands = new PaymentErrands({
    ...parts,
    settlement,
    providers,
    errands: outbox,
    refunds: new RefundRepository(db),
    report,
  });
  const payments = new Payments(parts, { providers, paymentTtlSeconds, nudge: () => errands.nudge() });
  const backlog = new Backlog({ errands: outbox, timers: parts.timers, report });
  return { payments, named: new NamedPayments(parts, settlement), errands, backlog };
}
