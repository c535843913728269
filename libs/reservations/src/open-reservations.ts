/**
 * Puts the use cases together over a stock store and a ledger, and keeps them going: the one place where the parts
 * know each other. Real servers or models in memory, a real clock or a virtual one: the same wiring.
 */
import {
  AuditRepository,
  GroupCommit,
  IdempotencyRepository,
  PartitionRepository,
  PaymentRepository,
  PostgresLedgerWriter,
  ReservationRepository,
  StockRepository,
  type Database,
  type PendingErrands,
} from '#ledger';
import type { PaymentProvider } from '#payments';
import { ConfigurationError, type Clock, type Random, type Timers } from '#platform';
import { partitionOf, StockCache, StockCells, StockDesk, type NewsListener, type StockStore } from '#stock';
import { Audit } from './audit.js';
import { Finality } from './finality.js';
import { Idempotency } from './idempotency.js';
import { OnItsWay } from './on-its-way.js';
import { Orders } from './orders.js';
import { openPayments } from './payments/open-payments.js';
import type { Durability, Parts } from './ports.js';
import { Reservations } from './reservations.js';
import { Stock } from './stock.js';
import { DriftWatch } from './upkeep/drift.js';
import { PartitionKeeper } from './upkeep/partition-keeper.js';
import { Retention } from './upkeep/retention.js';
import { StockWatch } from './upkeep/stock-watch.js';
import { Sweeper } from './upkeep/sweeper.js';
import type {
  Answer,
  AuditUseCases,
  IdempotencyUseCases,
  Operation,
  OrderUseCases,
  PaymentUseCases,
  ReservationUseCases,
  StockUseCases,
} from './use-cases.js';

export type ReservationOptions = {
  readonly store: StockStore;
  /** Brings the news of all instances' decisions. Null: there is none, and nothing is refused without asking Redis. */
  readonly listen: ((listener: NewsListener) => void) | null;
  /** What the stock caches of this process share; absent: this one is alone in it. */
  readonly cells?: StockCells;
  /** Migrated already. */
  readonly db: Database;
  /** For questions over whole tables, which take their time; the same as `db` where there is but one connection. */
  readonly auditDb: Database;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** How many partitions a new ledger gets; one that exists keeps its number. */
  readonly partitionCount: number;
  readonly durability: Durability;
  readonly providers: readonly PaymentProvider[];
  /** How long a payment keeps the units, at least. */
  readonly paymentTtlSeconds: number;
  /** How long answers under Idempotency-Keys are kept, at least. */
  readonly idempotencyKeyDays: number;
  /** Nobody else works on this ledger: what is under way in it is of a process that has ended. */
  readonly soleProcess: boolean;
  /** To look only: nothing is rebuilt, swept or given to the ledger that is not in its journal already. */
  readonly observing: boolean;
  /** Another thread of this process sweeps, and watches for drift. */
  readonly swept?: boolean;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
  /** As `report`, of what refuses callers. */
  readonly warn: (message: string, facts: Record<string, unknown>) => void;
};

export type ReservationServices = {
  readonly reservations: ReservationUseCases;
  readonly stock: StockUseCases;
  readonly orders: OrderUseCases;
  readonly payments: PaymentUseCases;
  readonly audit: AuditUseCases;
  readonly idempotency: IdempotencyUseCases;
  /** Makes an answer final that rests on the ledger alone: what it tells of is there already. */
  conclude(operation: Operation, answer: Answer): Promise<Answer>;
  /** For cursors: the same in every process of this installation. 32 bytes. */
  readonly cursorSecret: Buffer;
  /** The partitions that take no reservations now, with the reason; none when all is well. */
  closedPartitions(): readonly { readonly partition: number; readonly reason: string }[];
  /** The partitions that have no room for reservations: what gives units back and sells what is held goes on in them. */
  fullPartitions(): readonly number[];
  /** What was to be carried out at the last count, by kind; null: not counted here, or the ledger was away. */
  pendingErrands(): readonly PendingErrands[] | null;
  /** How many decisions of Redis the ledger did not have at the last look. */
  entriesBehind(): number;
  /** Finishes what is under way; takes no more. */
  close(): Promise<void>;
};

export async function openReservations(options: ReservationOptions): Promise<ReservationServices> {
  const { db, partitionCount, random } = options;
  const partitions = new PartitionRepository(db);
  const existing = await partitions.initialise(partitionCount);
  if (existing !== partitionCount) {
    throw new ConfigurationError(
      `PARTITIONS is ${partitionCount}, but this ledger was begun with ${existing}: the number says where each SKU ` +
        `lives and cannot change. Start with PARTITIONS=${existing}, or with an empty database.`,
    );
  }
  const cursorSecret = await partitions.secret('cursor', random.bytes(32));

  const { keeper, ...parts } = connect(options, partitions);
  if (options.soleProcess && !options.observing) await parts.idempotency.expireClaims();
  const orders = new Orders(parts);
  const sweeper = new Sweeper({
    ...parts,
    orders,
    openPartitions: () => keeper.openPartitions(),
    openingOf: (partition) => keeper.openingOf(partition),
    drainedOf: (at) => keeper.drainedOf(at),
    drain: async (position) => void (await parts.commits.commit({ requires: [position], receipt: null })),
    onEntries: (entries) => parts.commits.offer(entries),
    report: options.report,
  });
  const watch = new StockWatch({
    ...parts,
    openPartitions: () => keeper.openPartitions(),
    report: options.report,
  });
  const { payments, named, errands, backlog } = openPayments(parts, options);
  options.listen?.(watch.listener);
  const driftWatch = new DriftWatch({
    ...parts,
    ledger: new AuditRepository(options.auditDb),
    openPartitions: () => keeper.openPartitions(),
    broke: (partition, reason) => keeper.broke(partition, reason),
    report: options.report,
  });
  const tidying = options.swept
    ? []
    : [sweeper, driftWatch, backlog, new Retention({ ...parts, ...options })];
  const workers = [...tidying, watch, errands];
  await keeper.start();
  if (!options.observing) for (const worker of workers) worker.start();

  return {
    reservations: new Reservations(parts, named),
    stock: new Stock(parts),
    orders,
    payments,
    audit: new Audit({
      ...parts,
      ledger: new AuditRepository(options.auditDb),
      openPartitions: () => keeper.openPartitions(),
      closed: () => keeper.closed(),
    }),
    idempotency: new Idempotency(parts),
    conclude: (operation, answer) => new Finality(parts).conclude(operation, answer, []),
    cursorSecret,
    closedPartitions: () => keeper.closed(),
    fullPartitions: () => keeper.full(),
    pendingErrands: () => backlog.last(),
    entriesBehind: () => keeper.entriesBehind(),
    async close() {
      for (const worker of workers.toReversed()) await worker.stop();
      await keeper.stop();
      await parts.commits.close();
    },
  };
}

/** The desk decides, the commits make final, the keeper says whether and in which epoch: each needs the others. */
function connect(
  options: ReservationOptions,
  partitions: PartitionRepository,
): Parts & { keeper: PartitionKeeper } {
  const { store, db, clock, timers, partitionCount, durability, observing, report, warn } = options;
  const keeper: PartitionKeeper = new PartitionKeeper({
    store,
    partitions,
    clock,
    timers,
    partitionCount,
    begins: !observing,
    drain: async (position) => void (await commits.commit({ requires: [position], receipt: null })),
    onEpoch: () => cache.forget(),
    report,
    // Who only looks refuses nobody.
    warn: observing ? report : warn,
  });
  const stock = new StockRepository(db);
  const cache: StockCache = new StockCache({
    cells: options.cells ?? StockCells.create(),
    partitionCount,
    nowMs: () => clock.nowMs(),
    buyersOf: async (sku, limit) => {
      // What the store has decided up to now must be in the ledger before it is asked.
      const partition = partitionOf(sku, partitionCount);
      const { epoch, sequence } = await store.state(partition);
      await commits.commit({ requires: [{ partition, epoch, sequence }], receipt: null });
      return stock.buyersOf(sku, limit);
    },
  });
  const commits: GroupCommit = new GroupCommit({
    writer: new PostgresLedgerWriter(db),
    readJournal: (at, after, limit) => store.readJournal(at, after, limit),
    clock,
    timers,
    onBroken: (partition, reason) => keeper.broke(partition, reason),
  });
  const desk = new StockDesk({
    store,
    clock,
    timers,
    openingOf: (partition) => keeper.openingOf(partition),
    onDecided: ({ epoch }, entries, seen) => {
      cache.decided(epoch, entries, seen);
      commits.offer(entries);
    },
    onTrouble: () => keeper.trouble(),
  });
  const onItsWay = new OnItsWay({ durability, store, commits, timers, partitionCount });
  return {
    keeper,
    store,
    desk,
    cache,
    commits,
    reservations: new ReservationRepository(db),
    stock,
    payments: new PaymentRepository(db),
    partitions,
    idempotency: new IdempotencyRepository(db),
    clock,
    timers,
    partitionCount,
    durability,
    onItsWay,
  };
}
