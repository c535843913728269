/** Reconciliation as its callers see it: runs that are asked for, files that are handed in, and what came of them. */
import type { Database, KeysetPage, ListPage } from '#ledger';
import {
  StatementFormatError,
  type StatementFormat,
  type StatementReader,
  type TransactionSource,
} from '#payments';
import {
  DiscrepancyQueries,
  type Discrepancy,
  type DiscrepancyFilter,
} from './discrepancies/discrepancy-queries.js';
import type { PaymentCommands } from './effects/effects.js';
import type { Policies } from './policies.js';
import { accountOfFile, reconcileFile } from './reconcile-file.js';
import { csvOfRun } from './report/report-csv.js';
import { reportOf, rowsOfRun, type Report, type ReportRow } from './report/report.js';
import { resolveDiscrepancy, type ResolveCommand, type ResolveOutcome } from './resolve-discrepancy.js';
import { RunRepository, type Run } from './runs/run-repository.js';

export type RequestRunCommand = {
  readonly id: string;
  readonly provider: string;
  readonly dry: boolean;
  readonly fromMs: number | null;
  readonly untilMs: number | null;
  readonly requestedBy: string;
};

export type RequestRunOutcome =
  | { readonly kind: 'accepted'; readonly run: Run }
  | { readonly kind: 'unknown-provider'; readonly known: readonly string[] };

export type FileRunCommand = {
  readonly id: string;
  readonly format: StatementFormat;
  readonly file: string | null;
  readonly dry: boolean;
  readonly requestedBy: string;
  /** Opens the bytes; called once, before the first is read. */
  readonly open: () => AsyncIterable<Uint8Array>;
  /** Called when the bytes are not needed any more, however it ended. */
  readonly done: () => Promise<void>;
};

export type ReconciliationUseCases = {
  /** Puts a run on record; the workers do it. Asked again with the same id it is the same run. */
  request(command: RequestRunCommand): Promise<RequestRunOutcome>;
  /** Puts a file's run on record and begins to read it in this process; the answer does not wait for its end. */
  takeFile(command: FileRunCommand): Promise<Run>;
  find(runId: string): Promise<Run | undefined>;
  list(page: KeysetPage): Promise<ListPage<Run>>;
  discrepancies(filter: DiscrepancyFilter, page: KeysetPage): Promise<ListPage<Discrepancy>>;
  resolve(command: ResolveCommand): Promise<ResolveOutcome>;
  report(runId: string): Promise<Report | undefined>;
  /** The rows of a run, in flat memory. */
  rows(runId: string): AsyncIterable<ReportRow>;
  /** The same as CSV, in pieces. */
  csv(runId: string): AsyncIterable<string>;
};

export type ReconciliationParts = {
  readonly db: Database;
  readonly policies: Policies;
  readonly sources: readonly TransactionSource[];
  readonly readers: Readonly<Record<StatementFormat, StatementReader>>;
  readonly commands: PaymentCommands | null;
  /** Tells the workers of a run; when they cannot be told, their next tick finds it. */
  readonly announce: (run: Run) => Promise<void>;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

/** Files read at once in one process; others wait. */
const filesAtOnceMax = 2;

export class Reconciliation implements ReconciliationUseCases {
  private readonly runs: RunRepository;
  private readonly queries: DiscrepancyQueries;
  private readonly reading = new Set<Promise<void>>();
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly parts: ReconciliationParts) {
    this.runs = new RunRepository(parts.db);
    this.queries = new DiscrepancyQueries(parts.db);
  }

  async request(command: RequestRunCommand): Promise<RequestRunOutcome> {
    const { id, provider, dry, fromMs, untilMs, requestedBy } = command;
    const source = this.parts.sources.find((candidate) => candidate.provider === provider);
    if (!source)
      return { kind: 'unknown-provider', known: this.parts.sources.map((known) => known.provider) };
    const account = { provider, account: source.account };
    const kind = 'provider';
    const nothing = { format: null, file: null };
    await this.runs.add({
      id,
      kind,
      account,
      ...nothing,
      dry,
      fromMs,
      untilMs,
      requestedBy,
      status: 'queued',
    });
    const run = (await this.runs.find(id))!;
    await this.parts.announce(run);
    return { kind: 'accepted', run };
  }

  async takeFile(command: FileRunCommand): Promise<Run> {
    const { id, format, file, dry, requestedBy } = command;
    const account = accountOfFile(this.parts.readers[format]);
    const range = { fromMs: null, untilMs: null };
    await this.runs.add({
      id,
      kind: 'file',
      account,
      format,
      file,
      dry,
      ...range,
      requestedBy,
      status: 'running',
    });
    const reading = this.read(command).finally(() => this.reading.delete(reading));
    this.reading.add(reading);
    return (await this.runs.find(id))!;
  }

  find(runId: string): Promise<Run | undefined> {
    return this.runs.find(runId);
  }

  list(page: KeysetPage): Promise<ListPage<Run>> {
    return this.runs.list(page);
  }

  discrepancies(filter: DiscrepancyFilter, page: KeysetPage): Promise<ListPage<Discrepancy>> {
    return this.queries.list(filter, page);
  }

  resolve(command: ResolveCommand): Promise<ResolveOutcome> {
    return resolveDiscrepancy(this.parts.db, this.parts.policies, command);
  }

  report(runId: string): Promise<Report | undefined> {
    return reportOf(this.parts.db, runId);
  }

  rows(runId: string): AsyncIterable<ReportRow> {
    return rowsOfRun(this.parts.db, runId);
  }

  csv(runId: string): AsyncIterable<string> {
    return csvOfRun(this.parts.db, runId);
  }

  /** Waits for the files that are being read. */
  async close(): Promise<void> {
    await Promise.all(this.reading);
  }

  /** Never throws: what came of it is on record. */
  private async read(command: FileRunCommand): Promise<void> {
    if (this.reading.size >= filesAtOnceMax) {
      await new Promise<void>((resolve) => void this.waiting.push(resolve));
    }
    const { db, policies, commands, readers, report } = this.parts;
    const reader = readers[command.format];
    try {
      await reconcileFile(
        { db, policy: policies.of(reader.provider).match, commands },
        {
          runId: command.id,
          reader,
          bytes: command.open(),
          file: command.file,
          dry: command.dry,
          requestedBy: command.requestedBy,
          onProgress: () => undefined,
        },
      );
    } catch (error) {
      // A file of another format is its sender's concern, who is told by the run: a stack would tell nobody anything.
      const why = error instanceof StatementFormatError ? { reason: error.message } : { err: error };
      report('a file could not be reconciled', { run: command.id, ...why });
    } finally {
      await command.done().catch(() => undefined);
      this.waiting.shift()?.();
    }
  }
}
