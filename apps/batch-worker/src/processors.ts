/**
 * The jobs of reconciliation, each safe to run at any time, twice, and twice at once: they decide on what is in the ledger, and
 * its keys, cursor and locks decide what they change there.
 */
import { InvariantError } from '#domain';
import type { Database } from '#ledger';
import type { TransactionSource } from '#payments';
import type { Clock, Ids, Logger } from '#platform';
import {
  carryOut,
  claimsKnown,
  concludeRun,
  CursorRepository,
  dueEffects,
  effectAccounts,
  findDueEffect,
  isUnasked,
  jobNames,
  judgeAllOf,
  lookAtWindow,
  looker,
  onceAs,
  reconcileProvider,
  RunRepository,
  scheduler,
  Walk,
  walkRun,
  WindowRepository,
  type MatchPolicy,
  type PaymentCommands,
  type Policies,
  type ReconciliationQueues,
  type Run,
  type WalkPolicy,
  type WalkStep,
} from '#reconciliation';
import type { WorkerMetrics } from './worker-metrics.js';

export type ProcessorParts = {
  readonly db: Database;
  readonly sources: readonly TransactionSource[];
  readonly queues: ReconciliationQueues;
  readonly policies: Policies;
  /** Where it is not the one of the policies. */
  readonly walkPolicyOf?: (source: TransactionSource) => WalkPolicy;
  /** Null: what is due stays due. */
  readonly commands: PaymentCommands | null;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
};

const windowsAtOnceMax = 50;
const effectsAtOnceMax = 500;
const runsAtOnceMax = 100;
/** A file whose reader has been silent for this long has lost it. */
const fileSilentMs = 10 * 60_000;

export class Processors {
  private readonly runs: RunRepository;

  constructor(private readonly parts: ProcessorParts) {
    this.runs = new RunRepository(parts.db);
  }

  /** Puts every job in its queue that there is to do: what is there already stays there once. */
  async tick(): Promise<void> {
    const { db, queues, commands, sources, logger } = this.parts;
    await this.runs.failAbandoned(fileSilentMs);
    const unfinished = await this.runs.unfinished(runsAtOnceMax);
    for (const source of sources) {
      await this.watchHorizon(source);
      // One that cannot be asked now is asked by the next tick, and keeps nobody else waiting.
      await this.scheduleSource(source, unfinished).catch((error: unknown) =>
        logger.warn({ err: error, provider: source.provider }, 'nothing could be scheduled for a provider'),
      );
    }
    for (const run of unfinished) await queues.announce(run);
    if (!commands) return;
    for (const account of await effectAccounts(db)) {
      for (const { key } of await dueEffects(db, account, effectsAtOnceMax)) await this.scheduleEffect(key);
    }
  }

  /** Takes the next page of an account, or does a run over a range as a whole. */
  async fetchWindow(runId: string, onRows: (rows: number) => Promise<void>): Promise<void> {
    const run = await this.runs.find(runId);
    if (!run || run.finishedAtMs !== null) return;
    // Whoever looked has died: what was found is on record, and the window is looked at again.
    if (run.requestedBy === looker) return this.report(runId);
    const source = this.sourceOf(run);
    if (run.dry || run.fromMs !== null || run.untilMs !== null) {
      await reconcileProvider(this.providerParts(source), run);
      return;
    }
    await this.runs.begin(runId);
    const policy = this.walkPolicyOf(source);
    const walk = new Walk({
      ...this.parts,
      source,
      policy,
      claimsKnown: claimsKnown(run),
      newId: this.newId,
    });
    const step = await walk.step(runId);
    this.watch(source, step);
    if (step.kind === 'advanced') await onRows(run.counts.rows + step.rows);
    await this.judge(run);
    const ended = step.kind === 'at-horizon' || (step.kind === 'advanced' && step.caughtUp);
    const next = ended ? jobNames.report : jobNames.fetchWindow;
    const once = onceAs(ended ? 'report' : 'fetch', runId);
    await this.parts.queues.of(source.provider).add(next, { runId }, once);
  }

  /** Looks at a window that is due. What it finds belongs to a run of its own. */
  async closeWindow(windowId: string): Promise<void> {
    const { db, logger, metrics } = this.parts;
    const window = await new WindowRepository(db).find(windowId);
    const source = window && this.findSource(window.account.provider);
    if (!window || !source) return;
    const run = await this.newRun(source, looker);
    const look = await lookAtWindow({ db, source, policy: this.walkPolicyOf(source) }, windowId, run.id);
    if (look.kind === 'looked' && look.late > 0) {
      metrics.late.inc({ provider: source.provider }, look.late);
      logger.warn(
        { provider: source.provider, window: window.window, late: look.late },
        'rows below a closed horizon',
      );
    }
    await this.judge(run);
    await this.report(run.id);
  }

  /** Has the payments do what a verdict wants. */
  async applyOrder(effectKey: string): Promise<void> {
    const { db, commands } = this.parts;
    const effect = await findDueEffect(db, effectKey);
    if (!effect || !commands) return;
    await carryOut(db, commands, effect);
    await judgeAllOf(db, {
      account: effect.account,
      runId: null,
      policy: this.matchPolicyOf(effect.account.provider),
      onProgress: () => undefined,
    });
  }

  /** Ties out, looks for what is missing, and ends the run. */
  async report(runId: string): Promise<void> {
    const run = await this.runs.find(runId);
    if (!run || run.finishedAtMs !== null) return;
    const result = await concludeRun({ ...this.providerParts(this.sourceOf(run)), commands: null }, runId);
    if (isUnasked(run) && (await this.runs.removeEmpty(runId))) return;
    await this.runs.finish(runId, result, null);
  }

  private async scheduleSource(source: TransactionSource, unfinished: readonly Run[]): Promise<void> {
    const { db, queues } = this.parts;
    const { provider, account } = source;
    const isOwn = (run: Run) =>
      run.account.provider === provider &&
      run.requestedBy !== looker &&
      !run.dry &&
      run.fromMs === null &&
      run.untilMs === null;
    if (!unfinished.some(isOwn)) await queues.announce(await this.newRun(source, scheduler));
    const now = await source.now();
    const due = await new WindowRepository(db).due({ provider, account }, now, windowsAtOnceMax);
    for (const { id, version } of due) {
      await queues.of(provider).add(jobNames.closeWindow, { windowId: id }, onceAs('close', id, version));
    }
  }

  private async newRun({ provider, account }: TransactionSource, requestedBy: string): Promise<Run> {
    const id = this.newId();
    await this.runs.add(walkRun({ id, account: { provider, account }, requestedBy }));
    return (await this.runs.find(id))!;
  }

  private async judge(run: Run): Promise<void> {
    const { db, commands } = this.parts;
    const policy = this.matchPolicyOf(run.account.provider);
    await judgeAllOf(db, { account: run.account, runId: run.id, policy, onProgress: () => undefined });
    if (!commands) return;
    for (const { key } of await dueEffects(db, run.account, effectsAtOnceMax)) await this.scheduleEffect(key);
  }

  private async scheduleEffect(effectKey: string): Promise<void> {
    await this.parts.queues.general.add(jobNames.applyOrder, { effectKey }, onceAs('apply', effectKey));
  }

  /** A horizon that stands still is no error of anybody's: nothing fails, and nothing is read any more. */
  private async watchHorizon(source: TransactionSource): Promise<void> {
    const { db, metrics, logger, policies } = this.parts;
    const { provider } = source;
    const standing = (await new CursorRepository(db).standingMs(source)) ?? 0;
    metrics.standing.set({ provider }, standing / 1_000);
    if (standing < policies.of(provider).standstillMs) return;
    logger.error({ provider, standingMs: standing }, 'the horizon of a provider stands still');
  }

  /** What lies beyond the bounds that we count on is never silent. */
  private watch(source: TransactionSource, step: WalkStep): void {
    const { logger, metrics, clock } = this.parts;
    const { provider } = source;
    if (step.kind === 'raced') return;
    if (source.clock === 'time') metrics.horizonAge.set({ provider }, (clock.nowMs() - step.horizon) / 1_000);
    if (step.kind !== 'advanced') return;
    metrics.rows.inc({ provider, outcome: 'inserted' }, step.ingested.inserted);
    metrics.rows.inc({ provider, outcome: 'known' }, step.ingested.duplicates);
    if (step.ingested.late > 0) metrics.late.inc({ provider }, step.ingested.late);
    if (step.beyondLag !== null)
      logger.warn(
        { provider, beyondLag: step.beyondLag },
        'a row was visible later than the safety lag allows for',
      );
  }

  private sourceOf(run: Run): TransactionSource {
    const source = this.findSource(run.account.provider);
    if (!source)
      throw new InvariantError('no source for a run', { run: run.id, provider: run.account.provider });
    return source;
  }

  private findSource(provider: string): TransactionSource | undefined {
    return this.parts.sources.find((source) => source.provider === provider);
  }

  private matchPolicyOf(provider: string): MatchPolicy {
    return this.parts.policies.of(provider).match;
  }

  private walkPolicyOf(source: TransactionSource): WalkPolicy {
    const { walkPolicyOf, policies } = this.parts;
    return walkPolicyOf?.(source) ?? policies.of(source.provider, source.clock).walk;
  }

  private providerParts(source: TransactionSource) {
    const { db, commands } = this.parts;
    const policy = this.matchPolicyOf(source.provider);
    return { db, policy, commands, source, walkPolicy: this.walkPolicyOf(source), newId: this.newId };
  }

  private readonly newId = (): string => this.parts.ids.uuid();
}
