/** Takes a stream of items, a file or what a provider listed, into the ledger: a batch a transaction, in flat memory. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from '#ledger';
import {
  StatementCutOffError,
  type ProviderTransaction,
  type QuarantinedRow,
  type StatementItem,
  type StatementLink,
  type StatementTransaction,
} from '#payments';
import type { ProviderAccount } from '../account.js';
import { syncFindings } from '../discrepancies/discrepancy-repository.js';
import type { Finding } from '../discrepancies/discrepancy.js';
import { noteFindings } from '../runs/run-findings.js';
import { RunRepository, type RunCounts } from '../runs/run-repository.js';
import type { TieOut } from '../runs/run-result.js';
import { BatchSums, PayoutNames, type PayoutName } from '../tie-out/tie-out.js';
import { inTransaction, rowsOf } from '../transaction.js';
import { ingest } from './ingest.js';

export type TakeCommand = {
  readonly runId: string;
  readonly account: ProviderAccount;
  readonly origin: string;
  readonly items: AsyncIterable<StatementItem>;
  readonly batchMax: number;
  readonly onTaken: (counts: RunCounts) => void;
};

export type Taken = RunCounts & {
  /** Rows that came more than once in this very stream. */
  readonly repeated: number;
  readonly tieOut: readonly TieOut[];
  /** How the statements of the stream follow others. */
  readonly links: readonly StatementLink[];
  /** The payouts that its rows name, or are; none of a file that breaks off. */
  readonly payouts: readonly PayoutName[];
  /** Where a file breaks off, in words; null: it was read to its end. */
  readonly brokenOff: string | null;
};

const nothing: RunCounts = { rows: 0, inserted: 0, duplicates: 0, quarantined: 0 };

/**
 * `rows = inserted + duplicates + quarantined`, whatever happens.
 * @throws what the stream throws, when everything before it has been taken; that a file breaks off is said and not thrown
 */
export async function takeItems(db: Database, command: TakeCommand): Promise<Taken> {
  const sums = new BatchSums();
  const tieOut: TieOut[] = [];
  const links: StatementLink[] = [];
  const payouts = new PayoutNames();
  let total: RunCounts = nothing;
  let repeated = 0;
  let brokenOff: string | null = null;
  let batch: (StatementTransaction | QuarantinedRow)[] = [];
  const flush = async () => {
    if (batch.length === 0) return;
    const taken = await takeBatch(db, command, batch, sums);
    batch = [];
    total = added(total, taken.counts);
    repeated += taken.repeated;
    command.onTaken(total);
  };
  try {
    for await (const item of command.items) {
      if (item.kind === 'link') {
        links.push(item);
        continue;
      }
      if (item.kind === 'balance') {
        await flush();
        tieOut.push(sums.tieOut(item));
        continue;
      }
      if (item.kind === 'transaction') payouts.add(item.transaction);
      batch.push(item);
      if (batch.length >= command.batchMax) await flush();
    }
  } catch (error) {
    if (!(error instanceof StatementCutOffError)) throw error;
    brokenOff = error.message;
  } finally {
    await flush();
  }
  // Of payouts whose rows have not all come nobody knows what they add up to.
  return { ...total, repeated, tieOut, links, payouts: brokenOff === null ? payouts.all() : [], brokenOff };
}

async function takeBatch(
  db: Database,
  { runId, account, origin }: TakeCommand,
  batch: readonly (StatementTransaction | QuarantinedRow)[],
  sums: BatchSums,
): Promise<{ counts: RunCounts; repeated: number }> {
  const rows = batch.filter((item) => item.kind === 'transaction');
  const broken = batch.filter((item) => item.kind === 'quarantined');
  return inTransaction(db, async (tx) => {
    const transactions = rows.map(({ transaction }) => transaction);
    const ingested = await ingest(tx, {
      account,
      runId,
      origin,
      transactions,
      lateBefore: null,
      claimsKnown: true,
    });
    await quarantine(tx, account, runId, broken);
    const counts = {
      rows: batch.length,
      inserted: ingested.inserted,
      duplicates: ingested.duplicates,
      quarantined: broken.length,
    };
    await new RunRepository(tx).count(runId, counts);
    addUp(sums, rows, ingested.firstOfRun);
    return { counts, repeated: rows.length - ingested.firstOfRun.length };
  });
}

function addUp(
  sums: BatchSums,
  rows: readonly StatementTransaction[],
  firstOfRun: readonly ProviderTransaction[],
): void {
  const first = new Set(firstOfRun);
  for (const { batch, transaction } of rows) {
    if (batch !== null && first.has(transaction)) sums.add(batch, transaction);
  }
}

/** The row as it came is what it is about: when it comes again it is the same discrepancy. */
async function quarantine(
  tx: Database,
  account: ProviderAccount,
  runId: string,
  broken: readonly QuarantinedRow[],
): Promise<void> {
  if (broken.length === 0) return;
  await sql`
    insert into quarantined_rows (run_id, line, problem, raw)
    select ${runId}, line, reason, raw
    from json_to_recordset(${rowsOf(broken)}) as r(line bigint, reason text, raw text)
    on conflict do nothing`.execute(tx);
  const findings = broken.map(({ line, reason, raw }): Finding => ({
    code: 'SCHEMA_INVALID',
    subject: createHash('sha256').update(raw).digest('hex'),
    number: null,
    paymentId: null,
    reservationId: null,
    currency: null,
    expected: null,
    actual: null,
    detail: `Line ${line}: ${reason}`,
  }));
  const once = new Map(findings.map((finding) => [finding.subject, finding]));
  await syncFindings(tx, account, runId, [...once.values()], []);
  await noteFindings(tx, account, runId, [...once.values()]);
}

function added(left: RunCounts, right: RunCounts): RunCounts {
  return {
    rows: left.rows + right.rows,
    inserted: left.inserted + right.inserted,
    duplicates: left.duplicates + right.duplicates,
    quarantined: left.quarantined + right.quarantined,
  };
}
