/**
 * What the service does, as its callers see it. Refusals are values; `UnavailableError` is thrown when nothing was
 * acknowledged and the caller may try again.
 *
 * A mutating use case takes the operation it works for and a pure `present`, which turns its outcome into the
 * answer. The answer is recorded in the ledger transaction that makes the outcome final, so that a request which
 * comes again gets the very same bytes.
 */
import type {
  Money,
  Order,
  OrderStatus,
  Payment,
  PaymentStatus,
  Reservation,
  ReservationLine,
  ReservationStatus,
  StockLevel,
} from '#domain';

/** A request under an Idempotency-Key. */
export type KeyedRequest = {
  /** SHA-256 of API key id, method, path and key. */
  readonly keyDigest: Buffer;
  /** SHA-256 of the body. */
  readonly fingerprint: Buffer;
};

/** One attempt at a request under an Idempotency-Key. */
export type Operation = {
  /** A UUID that the key determines: every attempt at one request works under the same id. */
  readonly id: string;
  /** An earlier attempt may have done the work already: look before executing. */
  readonly repeated: boolean;
  /** The key to complete and the request it belongs to; null for calls without a key. */
  readonly request: KeyedRequest | null;
};

/** What goes back over the wire, and what a replay gives again. */
export type Answer = {
  readonly status: number;
  readonly body: string;
  /** Another attempt was faster: this is its answer. */
  readonly replayed?: boolean;
};
export type Present<Outcome> = (outcome: Outcome) => Answer;

export type ReserveCommand = {
  readonly buyerId: string;
  /** One line per SKU. */
  readonly lines: readonly ReservationLine[];
  /** Undefined: the shortest policy among the SKUs. */
  readonly ttlSeconds: number | undefined;
  /** JSON text of an object, or null. */
  readonly metadata: string | null;
};

export type ReserveOutcome =
  | { readonly kind: 'held'; readonly reservation: Reservation }
  | { readonly kind: 'unknown-sku'; readonly sku: string }
  | { readonly kind: 'sold-out'; readonly sku: string; readonly available: number }
  | { readonly kind: 'insufficient-stock'; readonly sku: string; readonly available: number }
  | { readonly kind: 'duplicate-reservation'; readonly sku: string; readonly reservationId: string }
  | { readonly kind: 'buyer-limit-exceeded'; readonly sku: string; readonly buyerLimit: number };

/** For extend and release: done (now or before), ended another way, or never heard of. */
export type ReservationOutcome =
  | { readonly kind: 'done'; readonly reservation: Reservation }
  | { readonly kind: 'too-late'; readonly reservation: Reservation }
  /** A payment is being decided. */
  | { readonly kind: 'payment-pending'; readonly reservation: Reservation }
  | { readonly kind: 'unknown-reservation' };

export type ConfirmOutcome =
  | { readonly kind: 'confirmed'; readonly reservation: Reservation; readonly order: Order }
  | { readonly kind: 'too-late'; readonly reservation: Reservation }
  | { readonly kind: 'payment-pending'; readonly reservation: Reservation }
  /** The payment that was named has come to nothing. */
  | { readonly kind: 'payment-failed'; readonly paymentId: string }
  /** The money of the payment that was named goes back, or has gone back. `orderId`: of the order that rests on none of it. */
  | {
      readonly kind: 'payment-refund-due' | 'payment-refunded';
      readonly paymentId: string;
      readonly orderId: string | null;
    }
  /** The payment that was named is another reservation's, or an id that we could have given to one and have not. */
  | { readonly kind: 'unknown-payment' }
  | { readonly kind: 'unknown-reservation' };

export type PayCommand = {
  readonly reservationId: string;
  readonly provider: string;
  readonly amount: Money;
};

export type PayOutcome =
  | { readonly kind: 'paying'; readonly reservation: Reservation; readonly payment: Payment }
  /** Another payment is under way. */
  | { readonly kind: 'payment-pending'; readonly reservation: Reservation }
  | { readonly kind: 'too-late'; readonly reservation: Reservation }
  | { readonly kind: 'unknown-provider'; readonly provider: string; readonly known: readonly string[] }
  /** None of ISO 4217, or one without minor units. */
  | { readonly kind: 'unknown-currency'; readonly currency: string }
  | { readonly kind: 'unknown-reservation' };

/** A provider's message as it came. */
export type Webhook = {
  readonly provider: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly rawBody: Buffer;
};
/** `taken`: it is in the ledger, now or since it came for the first time. */
export type WebhookOutcome = 'taken' | 'forged' | 'stale' | 'unreadable' | 'unknown-provider';

export type OrderOutcome =
  | { readonly kind: 'done'; readonly order: Order }
  | { readonly kind: 'too-late'; readonly order: Order }
  | { readonly kind: 'unknown-order' };

export type AdjustOutcome =
  | { readonly kind: 'adjusted'; readonly level: StockLevel }
  | { readonly kind: 'unknown-sku'; readonly sku: string }
  | { readonly kind: 'version-mismatch'; readonly sku: string; readonly version: number }
  | { readonly kind: 'insufficient-stock'; readonly sku: string; readonly available: number }
  /** On hand would exceed what a safe integer counts. */
  | { readonly kind: 'too-much-stock'; readonly sku: string };

/** A position in a list: where the page before ended. Opaque outside; made and read by the ledger. */
type ListPosition = readonly (string | number)[];
export type PageRequest = { readonly limit: number; readonly after: ListPosition | null };
export type Page<Row> = { readonly data: readonly Row[]; readonly next: ListPosition | null };

export type ReservationFilter = {
  readonly buyerId?: string | undefined;
  readonly status?: ReservationStatus | undefined;
  readonly sku?: string | undefined;
};

export interface ReservationUseCases {
  /** What can be refused for certain without asking anybody; undefined: ask `reserve`. */
  refuse(
    request: KeyedRequest,
    command: ReserveCommand,
    present: Present<ReserveOutcome>,
  ): Answer | undefined;
  /** Decided once by the operation's id, so it need not claim its key (`OnceOptions`). */
  reserve(operation: Operation, command: ReserveCommand, present: Present<ReserveOutcome>): Promise<Answer>;
  /** The deadline becomes now + `ttlSeconds`, never earlier than it was. */
  extend(
    operation: Operation,
    command: { readonly reservationId: string; readonly ttlSeconds: number },
    present: Present<ReservationOutcome>,
  ): Promise<Answer>;
  release(
    operation: Operation,
    command: { readonly reservationId: string },
    present: Present<ReservationOutcome>,
  ): Promise<Answer>;
  confirm(
    operation: Operation,
    command: { readonly reservationId: string; readonly paymentId: string | null },
    present: Present<ConfirmOutcome>,
  ): Promise<Answer>;
  find(reservationId: string): Promise<Reservation | undefined>;
  /** Newest first. */
  list(filter: ReservationFilter, page: PageRequest): Promise<Page<Reservation>>;
}

export type PaymentFilter = {
  readonly reservationId?: string | undefined;
  readonly status?: PaymentStatus | undefined;
};

export interface PaymentUseCases {
  /** Starts a payment: from now on only it, or its own deadline, decides about the reservation. Asks nobody outside. */
  pay(operation: Operation, command: PayCommand, present: Present<PayOutcome>): Promise<Answer>;
  /** Takes a provider's message once it has shown whose it is. What follows from it follows soon after. */
  receive(webhook: Webhook): Promise<WebhookOutcome>;
  find(paymentId: string): Promise<Payment | undefined>;
  /** Newest first. */
  list(filter: PaymentFilter, page: PageRequest): Promise<Page<Payment>>;
}

export interface StockUseCases {
  /** Creates the SKU, or changes its policy when it exists (`onHand` then counts for nothing). */
  put(command: {
    readonly sku: string;
    readonly onHand: number;
    /** Undefined: unchanged, or none at creation. Null: no limit. */
    readonly buyerLimit: number | null | undefined;
    /** Undefined: unchanged, or the default at creation. */
    readonly holdTtlSeconds: number | undefined;
  }): Promise<{ readonly kind: 'created' | 'changed'; readonly level: StockLevel }>;
  adjust(
    operation: Operation,
    command: {
      readonly sku: string;
      readonly delta: number;
      readonly reason: string;
      /** The level must be at one of these; null: at any. */
      readonly expectedVersions: readonly number[] | null;
    },
    present: Present<AdjustOutcome>,
  ): Promise<Answer>;
  find(sku: string): Promise<StockLevel | undefined>;
  /** By SKU, ascending. */
  list(page: PageRequest): Promise<Page<StockLevel>>;
  /** The levels as they are now, for those of the SKUs that exist. One query whatever their number. */
  findMany(skus: readonly string[]): Promise<readonly StockLevel[]>;
}

export interface OrderUseCases {
  find(orderId: string): Promise<Order | undefined>;
  /** Newest first. */
  list(filter: { readonly status?: OrderStatus | undefined }, page: PageRequest): Promise<Page<Order>>;
  fulfil(
    operation: Operation,
    command: { readonly orderId: string },
    present: Present<OrderOutcome>,
  ): Promise<Answer>;
  cancel(
    operation: Operation,
    command: { readonly orderId: string },
    present: Present<OrderOutcome>,
  ): Promise<Answer>;
}

export type InvariantReport = { readonly id: string; readonly ok: boolean; readonly detail: string };

export interface AuditUseCases {
  /** I1 to I11, in order. */
  check(): Promise<readonly InvariantReport[]>;
}

export type IdempotentResult =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly replayed: boolean }
  | { readonly kind: 'in-progress' }
  | { readonly kind: 'reused' };

export type OnceOptions = {
  /**
   * The work is decided once by the operation's id, wherever it runs: the key is looked at, not claimed, and of two
   * attempts at once the faster one answers for both. Spares a write per request.
   */
  readonly unclaimed?: boolean;
  /** A refusal for certain, kept under the key without any work; undefined when there is work to do. */
  readonly refuse?: (request: KeyedRequest) => Answer | undefined;
};

export interface IdempotencyUseCases {
  /**
   * Claims the key, works once, keeps the answer. A second call with the same key waits for the first when it runs
   * in this process, and is `in-progress` when it runs elsewhere; with another fingerprint it is `reused`.
   * Answers other than 2xx and 409 are not kept: the key is free again.
   */
  once(
    request: KeyedRequest,
    work: (operation: Operation) => Promise<Answer>,
    options?: OnceOptions,
  ): Promise<IdempotentResult>;
  /** Records the answer to work that has no transaction of its own in the ledger. @returns the one that counts */
  keep(operation: Operation, answer: Answer): Promise<Answer>;
}
