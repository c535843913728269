/** The steps that a person takes with a discrepancy. None of them moves money. */
import { sql } from 'kysely';
import { guarded, type Database } from '#ledger';
import { DiscrepancyQueries, type Discrepancy } from './discrepancies/discrepancy-queries.js';
import { step, type DiscrepancyRow } from './discrepancies/discrepancy-repository.js';
import type { DiscrepancyAction } from './discrepancies/discrepancy.js';
import { judgeAllOf } from './matching/judge-all.js';
import type { Policies } from './policies.js';
import { inTransaction } from './transaction.js';

export type ResolveCommand = {
  readonly discrepancyId: string;
  readonly action: DiscrepancyAction;
  readonly actor: string;
  readonly reason: string;
};

export type ResolveOutcome =
  | { readonly kind: 'done'; readonly discrepancy: Discrepancy }
  | { readonly kind: 'too-late'; readonly discrepancy: Discrepancy }
  | { readonly kind: 'unknown' };

/** A step that ends it has its row judged again: when nothing about the row is open any more, it counts as ignored. */
export async function resolveDiscrepancy(
  db: Database,
  policies: Policies,
  command: ResolveCommand,
): Promise<ResolveOutcome> {
  const taken = await guarded(inTransaction(db, (tx) => takeStep(tx, command)));
  if (!taken) return { kind: 'unknown' };
  const { account, outcome } = taken;
  const policy = policies.of(account.provider).match;
  await judgeAllOf(db, { account, runId: null, policy, onProgress: () => undefined });
  const discrepancy = (await new DiscrepancyQueries(db).find(command.discrepancyId))!;
  return { kind: outcome === 'too-late' ? 'too-late' : 'done', discrepancy };
}

async function takeStep(tx: Database, { discrepancyId, action, actor, reason }: ResolveCommand) {
  // Its row first, as those who judge: two who wait for each other would both have to give up.
  await sql`
    select from provider_transactions t join discrepancies d on d.number = t.number where d.id = ${discrepancyId}
    for update of t`.execute(tx);
  const { rows } =
    await sql<DiscrepancyRow>`select * from discrepancies where id = ${discrepancyId} for update`.execute(tx);
  const [row] = rows;
  if (!row) return undefined;
  const outcome = await step(tx, row, action, { actor, reason });
  if (outcome !== 'same' && outcome !== 'too-late' && row.number !== null)
    await sql`update provider_transactions set judged = false where number = ${row.number}`.execute(tx);
  return { account: { provider: row.provider, account: row.account }, outcome };
}
