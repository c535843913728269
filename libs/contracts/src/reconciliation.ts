/** Reconciliation on the wire: runs, discrepancies, and what people decide about them. Amounts are minor units. */
import { z } from 'zod';
import { limit, cursor } from './lists.js';
import { instant, reason, storable, uuid } from './scalars.js';

const wireStatementFormats = [
  'stripe-payout-csv',
  'adyen-settlement-csv',
  'paypal-activity-csv',
  'camt053',
  'mt940',
] as const;
const wireRunStatuses = ['queued', 'running', 'succeeded', 'failed'] as const;
const wireDiscrepancyStates = ['open', 'assigned', 'pending', 'resolved', 'void'] as const;
/** `await`: the provider has been asked; `void`: it never was one. */
const wireDiscrepancyActions = ['assign', 'await', 'resolve', 'void', 'reopen'] as const;

const providerName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/);
const mode = z.enum(['commit', 'dry-run']);
/** No earlier than clocks of providers begin, no later than can be answered as an `instant`. */
const isOfOurTime = (text: string) => Date.parse(text) >= 0 && Date.parse(text) <= Date.UTC(9999, 0);
const moment = z.iso
  .datetime({ offset: true, error: 'A time like 2026-11-27T12:00:00Z' })
  .refine(isOfOurTime, { error: 'A time from 1970 to 9998' });

export const requestRunBody = z.strictObject({
  provider: providerName,
  mode: mode.optional().meta({ description: 'dry-run: says what it would come to, and keeps nothing' }),
  from: moment
    .optional()
    .meta({ description: 'By the clock of the provider; none: on from where the last one ended' }),
  to: moment.optional(),
});
export const fileRunQuery = z.strictObject({
  format: z.enum(wireStatementFormats),
  mode: mode.optional(),
  file: storable(255).optional().meta({ description: 'Its name, for the report' }),
});
export const reportQuery = z.strictObject({ format: z.enum(['json', 'csv', 'html']).optional() });
export const resolveBody = z.strictObject({ action: z.enum(wireDiscrepancyActions), reason });
export const listRunsQuery = z.strictObject({ limit, cursor });
export const listDiscrepanciesQuery = z.strictObject({
  limit,
  cursor,
  code: z
    .string()
    .regex(/^[A-Z_]{1,32}$/)
    .optional(),
  state: z.enum(wireDiscrepancyStates).optional(),
});

const minor = z.int();
const count = z.int().min(0);
const stateTotal = z.strictObject({ rows: count, gross: minor });

const runResult = z.strictObject({
  rows: count,
  inserted: count,
  duplicates: count,
  quarantined: count,
  matched: count,
  discrepancies: z.record(z.string(), count),
  tieOut: z.array(
    z.strictObject({
      payout: z.string(),
      currency: z.string(),
      expected: minor,
      actual: minor,
      ties: z.boolean(),
    }),
  ),
  currencies: z.array(
    z.strictObject({
      currency: z.string(),
      rows: count,
      gross: minor,
      matched: stateTotal,
      open: stateTotal,
      ignored: stateTotal,
    }),
  ),
  rules: z
    .array(
      z.strictObject({
        currency: z.string(),
        state: z.enum(['matched', 'open', 'ignored']),
        rule: z.string().nullable(),
        rows: count,
        gross: minor,
      }),
    )
    .meta({ description: 'The same totals, by what became of the rows and why' }),
  expected: count.meta({ description: 'Payments of ours whose row is not due yet' }),
});

export const reconciliationRun = z
  .strictObject({
    id: uuid,
    status: z.enum(wireRunStatuses),
    kind: z.enum(['provider', 'file']),
    provider: z.string(),
    account: z.string(),
    format: z.string().nullable(),
    file: z.string().nullable(),
    mode,
    from: instant.nullable(),
    to: instant.nullable(),
    requestedBy: z.string(),
    createdAt: instant,
    finishedAt: instant.nullable(),
    rows: count,
    inserted: count,
    duplicates: count,
    quarantined: count,
    result: runResult.nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'ReconciliationRun' });
export type WireReconciliationRun = z.infer<typeof reconciliationRun>;

export const acceptedRun = z.strictObject({ id: uuid, status: z.enum(wireRunStatuses) });

export const discrepancy = z
  .strictObject({
    id: uuid,
    runId: uuid.nullable(),
    provider: z.string(),
    account: z.string(),
    code: z.string(),
    state: z.enum(wireDiscrepancyStates),
    transactionId: z.string().nullable(),
    subject: z.string(),
    paymentId: z.string().nullable(),
    reservationId: z.string().nullable(),
    currency: z.string().nullable(),
    expected: minor.nullable(),
    actual: minor.nullable(),
    detail: z.string(),
    openedAt: instant,
    changedAt: instant,
    history: z.array(
      z.strictObject({
        action: z.string(),
        actor: z.string(),
        reason: z.string(),
        before: z.string().nullable(),
        after: z.string(),
        at: instant,
      }),
    ),
  })
  .meta({ id: 'Discrepancy' });
export type WireDiscrepancy = z.infer<typeof discrepancy>;

export const reconciliationReport = z
  .strictObject({
    run: reconciliationRun,
    sections: z.array(
      z.strictObject({
        code: z.string(),
        meaning: z.string(),
        count,
        discrepancies: z.array(discrepancy).meta({ description: 'The first 200' }),
      }),
    ),
    quarantined: z.array(z.strictObject({ line: count, problem: z.string(), raw: z.string() })),
    payouts: z
      .array(
        z.strictObject({
          payout: z.string(),
          currency: z.string(),
          parts: z.array(z.strictObject({ kind: z.string(), rows: count, net: minor })),
        }),
      )
      .meta({ description: 'What the payouts are made of' }),
    transactions: z
      .array(
        z.strictObject({
          id: z.string(),
          kind: z.string(),
          occurredAt: instant,
          gross: z.strictObject({ value: minor, currency: z.string() }),
          fee: minor.nullable(),
          net: z.strictObject({ value: minor, currency: z.string() }),
          paymentReference: z.string().nullable(),
          merchantReference: z.string().nullable(),
          payout: z.string().nullable(),
          state: z.enum(['matched', 'open', 'ignored']),
          discrepancies: z.array(z.string()),
          rule: z.string().nullable(),
          reason: z.string().nullable(),
          paymentId: z.string().nullable(),
        }),
      )
      .meta({ description: 'Every row that the run has read, in the order they were taken' }),
  })
  .meta({ id: 'ReconciliationReport' });
