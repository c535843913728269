/**
 * What must be true after a fault, once the service answers again: asked of the ledger, of Redis, of the service itself,
 * and compared with what the witness was told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from './http.js';
import { keys } from './servers/fleet.js';
import type { Acknowledged, Status } from './intent.js';
import { moneyIsWhereItBelongs, type PaymentCounts } from './money.js';
import type { World } from './world.js';

export type Checked = {
  /** From the moment of asking until Redis and the ledger said the same. */
  readonly agreedAfterMs: number;
  /** Of all that the ledger has; none when not everything was looked at. */
  readonly payments: PaymentCounts;
};

/** Earlier acknowledgements that are looked at again, beside those that have changed since the last look. */
const looksAgain = 200;
const replays = 8;
const auditTimeoutMs = 30_000;

/** Every check, while the crowd pauses. What is wrong is among the witness's findings then. */
export async function check(world: World, options: { everything?: boolean } = {}): Promise<Checked> {
  const agreedAfterMs = await redisAgreesWithLedger(world);
  await acknowledgedIsThere(world, options.everything ?? false);
  const { witness } = world;
  for (const { sku, units } of witness.oversold(Date.now()))
    witness.add('oversold', `${units} units of ${sku} more than there were`);
  await adjustmentsOnce(world);
  await answersAgain(world);
  await invariants(world);
  const payments = options.everything ? await moneyIsWhereItBelongs(world) : {};
  return { agreedAfterMs, payments };
}

/** Every acknowledged reservation is in the ledger, with a status that follows from what was said of it. */
async function acknowledgedIsThere(world: World, everything: boolean): Promise<void> {
  const { witness, ledger, options } = world;
  const all = [...witness.reservations.values()];
  const again = new Set(everything ? all : options.random.sample(all.slice(-20 * looksAgain), looksAgain));
  const asked = all.filter((of) => !of.checked || again.has(of));
  const found = await ledger.query<{ id: string; status: Status }>(
    // A part of a cart that was never decided is nothing that was acknowledged: where Redis has lost the decision, all is lost.
    `select id, status from reservations where id = any($1) and status <> 'pending'`,
    [asked.map(({ id }) => id)],
  );
  const statuses = new Map(found.rows.map(({ id, status }) => [id, status]));
  for (const of of asked) {
    witness.observe(of, statuses.get(of.id));
    of.checked = isSettled(of);
  }
}

/** Nothing that is still to come can change it. */
function isSettled({ status, open, payments }: Acknowledged): boolean {
  if (open.size > 0) return false;
  // Money may come late for what has ended.
  const ended = status === 'released' || status === 'expired';
  return (ended && payments.length === 0) || ['confirmed', 'cancelled', 'refunded'].includes(status);
}

/** On hand is what was put there and what adjustments were acknowledged, each once; an unanswered one at most once. */
async function adjustmentsOnce({ witness, ledger }: World): Promise<void> {
  const { rows } = await ledger.query<{ sku: string; on_hand: string }>('select sku, on_hand from skus');
  const onHand = new Map(rows.map((row) => [row.sku, Number(row.on_hand)]));
  for (const [sku, { onHand: first, adjusted, openDeltas }] of witness.skus) {
    const possible = sums(first + adjusted, [...openDeltas.values()]);
    const now = onHand.get(sku);
    if (now === undefined) witness.add('lost', `the SKU ${sku} is nowhere`);
    else if (!possible.has(now))
      witness.add('units', `${sku} has ${now} on hand, and should have ${[...possible].join(' or ')}`);
  }
}

function sums(start: number, optional: readonly number[]): Set<number> {
  let possible = new Set([start]);
  for (const delta of optional) possible = new Set([...possible, ...[...possible].map((sum) => sum + delta)]);
  return possible;
}

/** The same key gives the same bytes, from any instance. */
async function answersAgain({ witness, options, fleet, crowd }: World): Promise<void> {
  const { random } = options;
  const asked = random.sample([...witness.reservations.values()].slice(-500), replays);
  await Promise.all(
    asked.map(async ({ intent, answer }) => {
      const again = await crowd.ask(intent, random.pick(fleet.members).port).catch(() => null);
      if (!again || again.status === 503) return;
      if (again.status !== 201 || again.text !== answer || !again.replayed)
        witness.add(
          'double-answer',
          `${intent.key} was answered ${answer}, and then ${again.status} ${again.text}`,
        );
    }),
  );
}

async function invariants({ witness, fleet, options, patienceMs }: World): Promise<void> {
  const { port } = options.random.pick(fleet.members);
  const timeoutMs = Math.max(auditTimeoutMs, patienceMs);
  const path = '/v1/audit/invariants';
  const answer = await send({ port, method: 'GET', path, secret: keys.admin, timeoutMs });
  if (answer.status !== 200) return witness.add('error', `${path}: ${answer.status} ${answer.text}`);
  const report = JSON.parse(answer.text) as { invariants: { id: string; ok: boolean; detail: string }[] };
  for (const { id, ok, detail } of report.invariants)
    if (!ok) witness.add('invariant', `${id}: ${detail.slice(0, 600)}`);
}

async function redisAgreesWithLedger(world: World): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    // A cluster that is busy with a failover may say so for a moment longer.
    const difference = await differenceOf(world).catch(
      (error: unknown) => `neither could be asked: ${String(error)}`,
    );
    const elapsedMs = performance.now() - startedMs;
    if (difference === null) return elapsedMs;
    if (elapsedMs > world.patienceMs) {
      world.witness.add('drift', `Redis and the ledger differ ${world.patienceMs} ms later: ${difference}`);
      return elapsedMs;
    }
    await sleep(20);
  }
}

/** The first difference between the levels, holds and journals of Redis and of the ledger; null: there is none. */
async function differenceOf(world: World): Promise<string | null> {
  const { ledger, options } = world;
  const skus = await ledger.query<{ sku: string; level: string }>(
    `select sku, concat_ws(' ', on_hand, held, committed, coalesce(buyer_limit::text, '-'), hold_ttl_seconds, version) as level
     from skus`,
  );
  const holds = await ledger.query<{ hold: string }>(
    `select distinct partition || ' ' || reservation_id as hold from reservation_lines where state = 'held'`,
  );
  const taken = await ledger.query<{ position: string }>(
    `select epoch || '-' || sequence as position from partitions order by partition`,
  );
  const levels = new Map<string, string>();
  const held = new Set<string>();
  for (let partition = 0; partition < options.partitions; partition += 1) {
    const [stored, ids, position] = await world.store(partition);
    const [inLedger, inRedis] = [taken.rows[partition]?.position, position.join('-')];
    // What moves no units is seen by it alone: a payment that has begun.
    if (inLedger !== inRedis)
      return `partition ${partition} is at ${inLedger} in the ledger, at ${inRedis} in Redis`;
    for (const [sku, level] of Object.entries(stored)) levels.set(sku, level);
    for (const id of ids) held.add(`${partition} ${id}`);
  }
  for (const { sku, level } of skus.rows)
    if (levels.get(sku) !== level) return `${sku} is "${level}" in the ledger, "${levels.get(sku)}" in Redis`;
  if (levels.size !== skus.rows.length)
    return `${skus.rows.length} SKUs in the ledger, ${levels.size} in Redis`;
  const onlyInLedger = holds.rows.find(({ hold }) => !held.has(hold));
  if (onlyInLedger) return `the hold ${onlyInLedger.hold} is in the ledger alone`;
  return held.size === holds.rows.length
    ? null
    : `${holds.rows.length} holds in the ledger, ${held.size} in Redis`;
}
