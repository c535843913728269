/**
 * Simulations recorded in the ledger, so that every instance can read them and a restart forgets none. A unique index allows one
 * at a time. The instance that runs it sends signs of life: a simulation that has been silent for a while counts as failed,
 * unless its report arrives after all.
 */
import type { Scenario, SimulationProgress, SimulationReport, WireSimulation } from '#contracts';
import { type Database, guarded, type KeysetPage, type ListPage, nextPosition, sql } from '#ledger';

export type SimulationSummary = Pick<WireSimulation, 'id' | 'status' | 'scenario' | 'createdAt'>;

export type SimulationOutcome =
  | { readonly status: 'finished'; readonly report: SimulationReport }
  | { readonly status: 'failed'; readonly problem: string };

/** The last ones are kept: a report is something to look at. */
export const simulationsKept = 20;
/** Signs of life come every second. */
export const silenceSecondsMax = 15;

type Row = Omit<WireSimulation, 'createdAt'> & { readonly created_at: Date };
type SummaryRow = Pick<Row, 'id' | 'status' | 'scenario' | 'created_at'> & { readonly number: number };

export class SimulationRepository {
  constructor(private readonly db: Database) {}

  /** `known`: it has begun before; `another-runs`: this one has not begun. */
  async begin(
    id: string,
    scenario: Scenario,
    progress: SimulationProgress,
  ): Promise<'begun' | 'known' | 'another-runs'> {
    await this.giveUpSilent();
    const { rows } = await guarded(
      sql`insert into simulations (id, scenario, progress)
        values (${id}, ${JSON.stringify(scenario)}, ${JSON.stringify(progress)})
        on conflict do nothing returning id`.execute(this.db),
    );
    if (rows.length === 0) return (await this.find(id)) ? 'known' : 'another-runs';
    await guarded(
      sql`delete from simulations where status <> 'running'
        and id not in (select id from simulations order by number desc limit ${simulationsKept})`.execute(
        this.db,
      ),
    );
    return 'begun';
  }

  /** A sign of life, and how far it is. */
  async progressed(id: string, progress: SimulationProgress): Promise<void> {
    await guarded(
      sql`update simulations set progress = ${JSON.stringify(progress)}, heard_at = now()
        where id = ${id} and status = 'running'`.execute(this.db),
    );
  }

  /** Also of one that was given up meanwhile: it has ended after all. */
  async ended(id: string, progress: SimulationProgress, outcome: SimulationOutcome): Promise<void> {
    const report = outcome.status === 'finished' ? JSON.stringify(outcome.report) : null;
    const problem = outcome.status === 'failed' ? outcome.problem : null;
    await guarded(
      sql`update simulations set status = ${outcome.status}, progress = ${JSON.stringify(progress)},
        report = ${report}, problem = ${problem} where id = ${id} and status <> 'finished'`.execute(this.db),
    );
  }

  async find(id: string): Promise<WireSimulation | undefined> {
    await this.giveUpSilent();
    const { rows } = await guarded(
      sql<Row>`select id, status, scenario, progress, report, problem, created_at
        from simulations where id = ${id}`.execute(this.db),
    );
    return rows[0] && toWire(rows[0]);
  }

  /** Newest first. */
  async list({ limit, after }: KeysetPage): Promise<ListPage<SimulationSummary>> {
    await this.giveUpSilent();
    const before = after === null ? sql`true` : sql`number < ${after[0]}`;
    const { rows } = await guarded(
      sql<SummaryRow>`select id, status, scenario, created_at, number from simulations
        where ${before} order by number desc limit ${limit + 1}`.execute(this.db),
    );
    return nextPosition(
      rows,
      limit,
      ({ id, status, scenario, created_at }) => toWire({ id, status, scenario, created_at }),
      ({ number }) => [number],
    );
  }

  private async giveUpSilent(): Promise<void> {
    const problem = 'The instance that ran it has not been heard of since; start it again';
    await guarded(
      sql`update simulations set status = 'failed', problem = ${problem} where status = 'running'
        and heard_at < now() - make_interval(secs => ${silenceSecondsMax})`.execute(this.db),
    );
  }
}

function toWire<Some extends { readonly created_at: Date }>({ created_at, ...rest }: Some) {
  return { ...rest, createdAt: created_at.toISOString() };
}
