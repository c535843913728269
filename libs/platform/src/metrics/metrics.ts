/** What the service counts. One registry a thread; the layers above add theirs to it. */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { Figures } from './aggregated-metrics.js';

/** How an attempt at a reservation ended. */
const reservationOutcomes = [
  'held',
  'sold-out',
  'insufficient-stock',
  'duplicate-reservation',
  'buyer-limit-exceeded',
  'unknown-sku',
  'unavailable',
  'error',
] as const;
export type ReservationOutcomeLabel = (typeof reservationOutcomes)[number];

export type Metrics = {
  readonly registry: Registry;
  readonly reservations: Counter<'outcome'>;
  readonly httpDuration: Histogram<'method' | 'route' | 'status'>;
  /** All of it, as Prometheus reads it: of all threads. */
  text(): Promise<string>;
};

/** Of the process, or of one of its threads: then with its name, where a figure concerns it alone. */
export function createMetrics(thread?: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, ...(thread !== undefined && { labels: { thread } }) });
  const reservations = new Counter({
    name: 'holdfast_reservations_total',
    help: 'Attempts at a reservation by how they ended; replays under an Idempotency-Key do not count again',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  for (const outcome of reservationOutcomes) reservations.inc({ outcome }, 0);
  const httpDuration = new Histogram({
    name: 'holdfast_http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer; event streams are left out',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return { registry, reservations, httpDuration, text: () => registry.metrics() };
}

/** What a thread tells of itself: not what is the same for the whole process. */
export async function figuresOf({ registry }: Metrics): Promise<Figures> {
  const figures: Figures = await registry.getMetricsAsJSON();
  return figures.filter(({ name }) => name.startsWith('holdfast_') || name.startsWith('nodejs_eventloop_'));
}
