/**
 * What runs have found beside their rows: of payouts and statements, and what could not be read. A discrepancy is on record
 * once, whoever found it first; each run that finds it still so has it in its result, its list and its report.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';
import { discrepancyId } from '../discrepancies/discrepancy-repository.js';
import type { Finding } from '../discrepancies/discrepancy.js';
import { rowsOf } from '../transaction.js';

/** Part of the caller's transaction. */
export async function noteFindings(
  tx: Database,
  account: ProviderAccount,
  runId: string,
  findings: readonly Finding[],
): Promise<void> {
  if (findings.length === 0) return;
  const ids = findings.map((finding) => discrepancyId(account, finding));
  await sql`
    insert into run_findings (run_id, discrepancy_id)
    select ${runId}, value::uuid from json_array_elements_text(${rowsOf(ids)})
    on conflict do nothing`.execute(tx);
}

/** The discrepancies that a run has opened, and those that it has found still to be so, as a query; each by its index. */
export const foundBeside = (runId: string) => sql`
  select * from discrepancies where run_id = ${runId}
  union select d.* from run_findings f join discrepancies d on d.id = f.discrepancy_id where f.run_id = ${runId}`;
