/** What the workers count. */
import { Counter, Gauge, type Registry } from 'prom-client';

export type WorkerMetrics = {
  readonly rows: Counter<'provider' | 'outcome'>;
  readonly late: Counter<'provider'>;
  readonly horizonAge: Gauge<'provider'>;
  readonly standing: Gauge<'provider'>;
  readonly jobs: Counter<'job' | 'outcome'>;
};

export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  const registers = [registry];
  return {
    rows: new Counter({
      name: 'holdfast_reconciliation_rows_total',
      help: 'Rows that a provider listed, new or known before',
      labelNames: ['provider', 'outcome'] as const,
      registers,
    }),
    late: new Counter({
      name: 'holdfast_reconciliation_late_total',
      help: 'Rows that became visible below a horizon that was closed',
      labelNames: ['provider'] as const,
      registers,
    }),
    horizonAge: new Gauge({
      name: 'holdfast_reconciliation_horizon_age_seconds',
      help: 'How far the reading of an account is behind: one that only grows stands still',
      labelNames: ['provider'] as const,
      registers,
    }),
    standing: new Gauge({
      name: 'holdfast_reconciliation_standing_seconds',
      help: 'How long ago the horizon of an account moved last',
      labelNames: ['provider'] as const,
      registers,
    }),
    jobs: new Counter({
      name: 'holdfast_jobs_total',
      help: 'Attempts at a job by how they ended; dead: for the last time',
      labelNames: ['job', 'outcome'] as const,
      registers,
    }),
  };
}
