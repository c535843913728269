/** What those who run the service are told about work that waits: once a process, whatever its threads. */
import { Gauge } from 'prom-client';
import type { Metrics } from '#platform';
import type { ReservationServices } from '#reservations';

export function showBacklog(
  services: Pick<ReservationServices, 'pendingErrands' | 'entriesBehind'>,
  { registry }: Metrics,
): void {
  const registers = [registry];
  const labelNames = ['kind'] as const;
  void new Gauge({
    name: 'holdfast_errands_pending',
    help: 'Errands of the outbox that are not done, counted every ten seconds; none while nobody can count',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { kind, count } of services.pendingErrands() ?? []) this.set({ kind }, count);
    },
  });
  void new Gauge({
    name: 'holdfast_errands_oldest_seconds',
    help: 'How long the oldest of them has been waiting, 0 where there is none',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { kind, oldestSeconds } of services.pendingErrands() ?? [])
        this.set({ kind }, oldestSeconds);
    },
  });
  void new Gauge({
    name: 'holdfast_journal_entries_behind',
    help: 'Decisions of Redis that the ledger did not have yet at the last look',
    registers,
    collect() {
      this.set(services.entriesBehind());
    },
  });
}
