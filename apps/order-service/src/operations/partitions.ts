/** What those who run the service are told about its partitions: which are closed, and which are full. */
import { Gauge } from 'prom-client';
import type { Metrics, ReadinessProbe } from '#platform';
import type { ReservationServices } from '#reservations';

type Partitions = Pick<ReservationServices, 'closedPartitions' | 'fullPartitions'>;

/**
 * A partition that is full is named, and the service stays ready: every instance has the same Redis, and release, confirmation
 * and webhooks, which go on, must reach one.
 */
export function partitionsProbe(services: Partitions): ReadinessProbe {
  return {
    name: 'stock',
    check: async () => {
      const closed = services.closedPartitions();
      const full = services.fullPartitions();
      const told = [
        ...closed.map(({ partition, reason }) => `partition ${partition}: ${reason}`),
        ...full.map((partition) => `partition ${partition}: no new reservations, Redis is full (maxmemory)`),
      ];
      return {
        ok: closed.length === 0,
        detail: told.join('; ') || 'every partition takes reservations',
        ...(full.length > 0 && { degraded: true }),
      };
    },
  };
}

/** Looked at when they are asked for. Every thread sees for itself: the largest counts. */
export function showPartitions(services: Partitions, { registry }: Metrics): void {
  void new Gauge({
    name: 'holdfast_partitions_closed',
    help: 'Partitions that take no reservations at the moment; /readyz and the log say why',
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.set(services.closedPartitions().length);
    },
  });
  void new Gauge({
    name: 'holdfast_partitions_full',
    help: 'Partitions that take no new reservations because Redis is at its maxmemory; /readyz names them',
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.set(services.fullPartitions().length);
    },
  });
}
