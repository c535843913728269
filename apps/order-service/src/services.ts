/**
 * What the HTTP side needs from the rest: the use cases as plain objects, the probes that tell whether they can work, and
 * the secret that seals cursors.
 */
import type { Config, Logger, Metrics, ReadinessProbe, SandboxConfig } from '#platform';
import type { ReconciliationQueues, ReconciliationUseCases } from '#reconciliation';
import type {
  Answer,
  AuditUseCases,
  InstallationHandle,
  IdempotencyUseCases,
  Operation,
  OrderUseCases,
  PaymentUseCases,
  ReservationUseCases,
  StockUseCases,
} from '#reservations';
import type { Simulations } from '#simulation';

export type Services = {
  readonly reservations: ReservationUseCases;
  readonly stock: StockUseCases;
  readonly orders: OrderUseCases;
  readonly payments: PaymentUseCases;
  readonly audit: AuditUseCases;
  readonly idempotency: IdempotencyUseCases;
  readonly simulations: Simulations;
  readonly reconciliation: ReconciliationUseCases;
  /** Shown under /queues; absent: there are none. */
  readonly queues?: ReconciliationQueues;
  /** Makes an answer final whose work is in the ledger already. */
  readonly conclude: (operation: Operation, answer: Answer) => Promise<Answer>;
  /** Without these the service is not ready. */
  readonly probes: readonly ReadinessProbe[];
  /** 32 bytes, the same in every process on one ledger and after every restart: a cursor outlives both. */
  readonly cursorSecret: Buffer;
};

/** What a thread needs to open the services of its process once more. */
export type ServicesHandle = InstallationHandle & { readonly sandbox: SandboxConfig | null };

export type OpenedServices = Services & {
  /** For HTTP_THREADS; absent or null: this thread answers HTTP. */
  readonly threadHandle?: ServicesHandle | null;
  /** Called once the service listens, with its address: a URL without a path. */
  listening?(address: string): void;
  /** Ends what was opened. Called once, when no request is in flight any more. */
  close(): Promise<void>;
};

/** What services may use of the process: its logger, and its registry for metrics of their own. */
export type ServiceContext = { readonly logger: Logger; readonly metrics: Metrics };

export type OpenServices = (config: Config, context: ServiceContext) => Promise<OpenedServices>;
