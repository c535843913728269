/**
 * `npm run bench:reconcile`: transactions a second from a statement to verdicts on record, on PostgreSQL that waits for the
 * disk, and whether time grows with the number of rows and memory does not.
 */
import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { migrate, openPostgres, sql, type Database } from '#ledger';
import type { StatementItem, StatementReader } from '#payments';
import { matchPolicyDefault, reconcileFile, type RunResult } from '#reconciliation';
import { startPostgresServer } from '../servers/postgres-server.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000,1000000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write('npm run bench:reconcile -- [--rows 100000,1000000]\n');
  process.exit(0);
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Of a thousand rows so many are no payment of ours. */
const strayPerThousand = 5;
const charge = (index: number): string => `ch_${String(index).padStart(9, '0')}`;

/** Captured payments, as the service leaves them. */
async function putPayments(db: Database, count: number): Promise<void> {
  await sql`
    insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
    select md5('r' || i)::uuid, 'confirmed', 'b' || i, '{0}', now(), now() from generate_series(0, ${count - 1}::int) i`.execute(
    db,
  );
  await sql`
    insert into payments (id, reservation_id, provider, provider_payment_id, amount, currency, status, captured_amount,
      captured_currency, captured_at, created_at, settled_at)
    select md5('p' || i)::uuid, md5('r' || i)::uuid, 'stripe', 'ch_' || lpad(i::text, 9, '0'), 1000 + i % 500, 'EUR',
      'captured', 1000 + i % 500, 'EUR', now(), now(), now()
    from generate_series(0, ${count - 1}::int) i where i % 1000 >= ${strayPerThousand}`.execute(db);
  await sql`analyze`.execute(db);
}

function readerOf(count: number): StatementReader {
  return {
    format: 'stripe-payout-csv',
    provider: 'stripe',
    async *read(): AsyncIterable<StatementItem> {
      for (let index = 0; index < count; index += 1) {
        const gross = { value: 1_000 + (index % 500), currency: 'EUR' };
        const fee = { value: 30, currency: 'EUR' };
        const net = { value: gross.value - fee.value, currency: 'EUR' };
        const row = { id: `txn_${index}`, paymentReference: charge(index), gross: gross.value, fee: 30 };
        yield {
          kind: 'transaction',
          line: index + 2,
          batch: `po_${Math.floor(index / 5_000)}`,
          transaction: {
            ...row,
            kind: 'charge',
            gross,
            fee,
            net,
            merchantReference: null,
            payoutId: `po_${Math.floor(index / 5_000)}`,
            occurredAtMs: 1_700_000_000_000 + index,
            raw: JSON.stringify(row),
          },
        };
      }
    },
  };
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

type Measured = { seconds: number; peakMb: number; result: RunResult };

async function measure(url: string, count: number): Promise<Measured> {
  const db = openPostgres(url, () => undefined, { connectionsMax: 2, queryTimeoutMs: 600_000 });
  try {
    await migrate(db);
    await putPayments(db, count);
    let peak = 0;
    const begin = performance.now();
    const { result } = await reconcileFile(
      { db, policy: matchPolicyDefault, commands: null },
      {
        runId: randomUUID(),
        reader: readerOf(count),
        bytes: noBytes(),
        file: null,
        dry: false,
        requestedBy: 'bench',
        onProgress: () => void (peak = Math.max(peak, process.memoryUsage().rss)),
      },
    );
    return { seconds: (performance.now() - begin) / 1_000, peakMb: peak / 1_024 ** 2, result };
  } finally {
    await db.destroy();
  }
}

function check(count: number, { result }: Measured): void {
  const strays = Math.ceil(count / 1_000) * strayPerThousand;
  const open = Object.values(result.discrepancies).reduce((sum, found) => sum + found, 0);
  if (result.inserted !== count || result.matched !== count - strays || open !== strays)
    throw new Error(`${count} rows: ${JSON.stringify({ ...result, tieOut: undefined })}`);
}

const counts = values.rows.split(',').map(Number);
say(
  `${cpus().length} cores, Node ${process.versions.node}, PostgreSQL with synchronous commit on the same machine`,
);
const measured = new Map<number, Measured>();
for (const count of counts) {
  const server = await startPostgresServer({ durable: true });
  try {
    const one = await measure(server.url, count);
    check(count, one);
    measured.set(count, one);
    const perSecond = Math.round(count / one.seconds).toLocaleString('en');
    say(
      `${count.toLocaleString('en').padStart(9)} rows: ${one.seconds.toFixed(1)} s, ${perSecond} rows/s, at most ${one.peakMb.toFixed(0)} MB resident`,
    );
  } finally {
    await server.stop();
  }
}
const [first, last] = [counts[0]!, counts.at(-1)!];
if (first !== last) {
  const [small, large] = [measured.get(first)!, measured.get(last)!];
  say(
    `time grew ${(large.seconds / small.seconds).toFixed(1)} times for ${last / first} times the rows, memory ${(large.peakMb / small.peakMb).toFixed(2)} times`,
  );
}
