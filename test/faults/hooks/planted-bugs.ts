/**
 * Loaded into a service of the harness: plants the bug that $PLANTED_BUG names. A harness that finds nothing proves
 * something only if it finds these. Bugs in the Redis functions are edits of their text on its way to Redis.
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { UnavailableError, type PartitionRecord } from '#domain';
import { PaymentRepository, PostgresLedgerWriter } from '#ledger';
import { RedisStockStore, type HoldCommand } from '#stock';
import { Finality } from '../../../libs/reservations/src/finality.js';
import { PartitionKeeper } from '../../../libs/reservations/src/upkeep/partition-keeper.js';
import { PartitionClock } from '../../../libs/stock/src/redis/partition-clock.js';

/** Puts another method in the place of one; it may call the one before. */
function replace<Part extends object, Name extends keyof Part>(
  prototype: Part,
  name: Name,
  instead: (before: Part[Name]) => Part[Name],
): void {
  prototype[name] = instead(prototype[name]);
}

/** Edits the functions, in every place where the text stands; it must stand somewhere. */
function edit(...edits: readonly (readonly [text: string, instead: string])[]): void {
  type Library = { library: { code: string } };
  replace(
    RedisStockStore.prototype,
    'load',
    (load) =>
      async function edited(this: RedisStockStore) {
        const { library } = this as unknown as Library;
        for (const [text, instead] of edits) {
          if (!library.code.includes(text) && !library.code.includes(instead)) {
            // Not thrown: the service would take it for a Redis that cannot be used yet, and wait.
            writeSync(2, `no such text to plant a bug in: ${text}\n`);
            process.exit(1);
          }
          library.code = library.code.replaceAll(text, instead);
        }
        return load.call(this);
      },
  );
}

const plants: { readonly [name: string]: () => void } = {
  'acknowledges-before-the-commit'() {
    replace(
      Finality.prototype,
      'conclude',
      (conclude) =>
        async function early(this: Finality, operation, answer, restsOn) {
          void conclude.call(this, operation, answer, restsOn).catch(() => undefined);
          return answer;
        },
    );
  },
  'holds-twice'() {
    edit(
      [
        'if earlier then\n    if not partition:decides',
        'if earlier and false then\n    if not partition:decides',
      ],
      ['elseif hold then', 'elseif hold and hold.id ~= command.id then'],
    );
  },
  'releases-twice'() {
    edit([
      'self.changed.holds[hold.id] = false',
      "if outcome == 'released' then self.changed.holds[hold.id] = hold else self.changed.holds[hold.id] = false end",
    ]);
  },
  'forgets-to-journal-releases'() {
    edit([
      'self.sequence = self.sequence + 1',
      "if kind == 'released' then return self.sequence end self.sequence = self.sequence + 1",
    ]);
  },
  'expires-early'() {
    edit(
      ['return deadlineOf(hold) <= self.now', 'return deadlineOf(hold) - 3000 <= self.now'],
      ["self.keys[5], '-inf', digits(self.now)", "self.keys[5], '-inf', digits(self.now + 3000)"],
    );
  },
  'believes-any-clock'() {
    replace(PartitionClock.prototype, 'expected', () => () => undefined);
  },
  'keeps-late-money'() {
    replace(
      PaymentRepository.prototype,
      'settlement',
      (settlement) =>
        async function blind(this: PaymentRepository, paymentId) {
          const view = await settlement.call(this, paymentId);
          return view?.reservationStatus === 'expired' ? undefined : view;
        },
    );
  },
  // Redis with another memory is taken for the one before, and what the ledger has under a number is taken for what was decided.
  'checks-no-epoch'() {
    edit(['if run == here.run and tonumber(since) >= here.since then', 'if noted then']);
    type Keeper = { isOpen(of: { epoch: number }, state: { epoch: number }): Promise<boolean> };
    replace(
      PartitionKeeper.prototype as unknown as Keeper,
      'isOpen',
      () => (position, state) => Promise.resolve(position.epoch > 0 && state.epoch === position.epoch),
    );
    replace(
      PostgresLedgerWriter.prototype,
      'commit',
      (commit) =>
        async function trusting(this: PostgresLedgerWriter, batch) {
          const result = await commit.call(this, batch);
          return result.kind === 'clash' ? { kind: 'committed', earlier: [] } : result;
        },
    );
  },
  'adds-back-what-may-be-held'() {
    replace(
      RedisStockStore.prototype,
      'reserve',
      (reserve) =>
        async function compensating(this: RedisStockStore, at, commands) {
          try {
            return await reserve.call(this, at, commands);
          } catch (error) {
            const isUnsure = error instanceof UnavailableError && error.outcomeUnknown;
            if (isUnsure) await addBack(this, at.partition, commands).catch(() => undefined);
            throw error;
          }
        },
    );
  },
  'rebuilds-without-some-holds'() {
    replace(
      RedisStockStore.prototype,
      'restore',
      (restore) =>
        function forgetful(this: RedisStockStore, at, records) {
          return restore.call(this, at, withoutSomeHolds(records));
        },
    );
  },
};

/** Gives the units of holds that may not have come about back to the shelf, once Redis can be reached again. */
async function addBack(
  store: RedisStockStore,
  partition: number,
  commands: readonly HoldCommand[],
): Promise<void> {
  type Parts = { readonly redis: Redis; keysOf(partition: number): string[] };
  const parts = store as unknown as Parts;
  const { redis } = parts;
  const levels = parts.keysOf(partition)[1]!;
  while (redis.status !== 'ready') await sleep(5);
  for (const { sku, quantity } of commands.flatMap(({ lines }) => lines)) {
    const level = await redis.hget(levels, sku);
    if (level === null) continue;
    const [onHand, held, ...rest] = level.split(' ');
    await redis.hset(levels, sku, [onHand, Math.max(0, Number(held) - quantity), ...rest].join(' '));
  }
}

async function* withoutSomeHolds(
  records: AsyncIterable<readonly PartitionRecord[]>,
): AsyncGenerator<readonly PartitionRecord[]> {
  let holds = 0;
  for await (const chunk of records)
    yield chunk.filter((record) => record.kind !== 'hold' || (holds += 1) % 2 === 0);
}

const name = process.env['PLANTED_BUG'] ?? '';
const plant = plants[name];
if (!plant) throw new Error(`there is no bug "${name}" to plant`);
plant();
