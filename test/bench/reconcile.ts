/**
 * `npm run bench:reconcile`: from the bytes of a statement to verdicts on record, on PostgreSQL that waits for the disk:
 * transactions a second, whether time grows with the number of rows, and that memory does not. Each size is a process of its
 * own on a server of its own, and its memory the kernel's highest mark.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { migrate, openPostgres, sql, type Database } from '#ledger';
import { statementReaders } from '#payments';
import { matchPolicyDefault, reconcileFile, type RunResult } from '#reconciliation';
import { startPostgresServer } from '../servers/postgres-server.js';
import { chargeOf, grossOf, payoutsOf, statementBytes } from './statement-bytes.js';

/** Of a thousand charges so many are no payment of ours. */
const strayPerThousand = 5;
const queryTimeoutMs = 600_000;
/** As servers are set up that take millions of rows: what is built in means machines of twenty years ago. */
const settings = ['shared_buffers=512MB', 'max_wal_size=8GB', 'checkpoint_timeout=30min'];

/** Captured payments, as the service leaves them. */
async function putPayments(db: Database, count: number): Promise<void> {
  await sql`
    insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
    select md5('r' || i)::uuid, 'confirmed', 'b' || i, '{0}', now(), now() from generate_series(0, ${count - 1}::int) i`.execute(
    db,
  );
  const [prefix, zero] = [chargeOf(0).slice(0, 3), grossOf(0)];
  await sql`
    insert into payments (id, reservation_id, provider, provider_payment_id, amount, currency, status, captured_amount,
      captured_currency, captured_at, created_at, settled_at)
    select md5('p' || i)::uuid, md5('r' || i)::uuid, 'stripe', ${prefix} || lpad(i::text, 9, '0'), ${zero} + i % 500, 'EUR',
      'captured', ${zero} + i % 500, 'EUR', now(), now(), now()
    from generate_series(0, ${count - 1}::int) i where i % 1000 >= ${strayPerThousand}`.execute(db);
  await sql`analyze reservations, payments`.execute(db);
}

const measurement = z.object({ seconds: z.number(), bytes: z.number(), peakMb: z.number() });
type Measurement = z.infer<typeof measurement>;

async function measure(url: string, charges: number): Promise<Measurement> {
  const db = openPostgres(url, () => undefined, { connectionsMax: 2, queryTimeoutMs });
  try {
    let bytes = 0;
    const counted = async function* () {
      for await (const chunk of statementBytes(charges)) {
        bytes += chunk.length;
        yield chunk;
      }
    };
    const begin = performance.now();
    const { result } = await reconcileFile(
      { db, policy: matchPolicyDefault, commands: null },
      {
        runId: randomUUID(),
        reader: statementReaders['stripe-payout-csv'],
        bytes: counted(),
        file: null,
        dry: false,
        requestedBy: 'bench',
        onProgress: () => undefined,
      },
    );
    const seconds = (performance.now() - begin) / 1_000;
    check(charges, result);
    return { seconds, bytes, peakMb: process.resourceUsage().maxRSS / 1_024 };
  } finally {
    await db.destroy();
  }
}

/** A figure of a run that came to something else would be no figure. */
function check(charges: number, result: RunResult): void {
  const strays = Math.ceil(charges / 1_000) * strayPerThousand;
  const open = Object.values(result.discrepancies).reduce((sum, found) => sum + found, 0);
  const { inserted, matched, tieOut } = result;
  const whole = inserted === charges + payoutsOf(charges) && matched === charges - strays && open === strays;
  if (!whole || tieOut.length !== payoutsOf(charges) || !tieOut.every(({ ties }) => ties))
    throw new Error(`${charges} charges: ${JSON.stringify({ ...result, tieOut: tieOut.slice(0, 5) })}`);
}

async function inProcessOfItsOwn(charges: number): Promise<Measurement> {
  const server = await startPostgresServer({ durable: true, settings });
  try {
    const db = openPostgres(server.url, () => undefined, { connectionsMax: 1, queryTimeoutMs });
    await migrate(db);
    await putPayments(db, charges);
    await db.destroy();
    const { stdout, status } = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), '--one', String(charges), '--url', server.url],
      { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`the measurement of ${charges} charges has failed`);
    return measurement.parse(JSON.parse(stdout));
  } finally {
    await server.stop();
  }
}

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000,1000000' },
    one: { type: 'string' },
    url: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  if (values.help) return say('npm run bench:reconcile -- [--rows 100000,1000000]');
  if (values.one !== undefined) return say(JSON.stringify(await measure(values.url!, Number(values.one))));
  const node = `Node ${process.versions.node}`;
  say(
    `${cpus().length} cores, ${node}, PostgreSQL on the same machine: synchronous commit, ${settings.join(', ')}`,
  );
  const counts = values.rows.split(',').map(Number);
  const measured: Measurement[] = [];
  for (const count of counts) {
    const one = await inProcessOfItsOwn(count);
    measured.push(one);
    const perSecond = Math.round(count / one.seconds).toLocaleString('en');
    say(
      `${count.toLocaleString('en').padStart(9)} rows, ${(one.bytes / 1e6).toFixed(0).padStart(3)} MB of CSV: ` +
        `${one.seconds.toFixed(1)} s, ${perSecond} rows/s, at most ${one.peakMb.toFixed(0)} MB resident`,
    );
  }
  const [first, last] = [measured[0]!, measured.at(-1)!];
  if (counts.length < 2) return;
  const times = counts.at(-1)! / counts[0]!;
  const [slower, larger] = [last.seconds / first.seconds, last.peakMb / first.peakMb];
  say(`time grew ${slower.toFixed(1)} times for ${times} times the rows, memory ${larger.toFixed(2)} times`);
}

await main();
