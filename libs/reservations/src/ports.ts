/** What the use cases need from the ledger: the repositories of `libs/ledger`, named by what is asked of them. */
import type {
  GroupCommit,
  IdempotencyRepository,
  PartitionRepository,
  PaymentRepository,
  ReservationRepository,
  StockRepository,
} from '#ledger';
import type { StockCache, StockDesk, StockStore } from '#stock';
import type { Clock, Timers } from '#platform';

export type Public<Class> = { readonly [Name in keyof Class]: Class[Name] };

export type ReservationLedger = Public<ReservationRepository>;
type StockLedger = Public<StockRepository>;
export type IdempotencyLedger = Public<IdempotencyRepository>;
export type PartitionLedger = Public<PartitionRepository>;
export type PaymentLedger = Public<PaymentRepository>;
type Commits = Public<GroupCommit>;
export type Desk = Public<StockDesk>;

/** When a caller is told: once the ledger has it, or already when Redis has decided (see docs/configuration). */
export type Durability = 'ledger' | 'redis';

/** Looks in the ledger for what somebody may have been told of (on-its-way.ts). */
export type Finder = {
  find<Found>(look: () => Promise<Found | undefined>): Promise<Found | undefined>;
};

export type Parts = {
  readonly store: StockStore;
  readonly desk: Desk;
  readonly cache: StockCache;
  readonly commits: Commits;
  readonly reservations: ReservationLedger;
  readonly stock: StockLedger;
  readonly partitions: PartitionLedger;
  readonly payments: PaymentLedger;
  readonly idempotency: IdempotencyLedger;
  readonly clock: Clock;
  readonly timers: Timers;
  /** How many partitions the SKUs are spread over. */
  readonly partitionCount: number;
  readonly durability: Durability;
  readonly onItsWay: Finder;
};
