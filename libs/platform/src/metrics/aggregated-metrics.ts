/**
 * The metrics of several threads as those of one process: counts are summed, and what concerns one thread alone carries its
 * name. What a dead thread had last reported stays counted: a counter never goes back.
 */
import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from 'prom-client';

export type Figures = readonly MetricObjectWithValues<MetricValue<string>>[];

export class AggregatedMetrics {
  private readonly last = new Map<string, Figures>();
  private ofTheDead: Figures = [];

  /** @param registry of the thread that sums: it also has what is there once in a process */
  constructor(private readonly registry: Registry) {}

  /** What a thread has counted by now. */
  heard(thread: string, figures: Figures): void {
    this.last.set(thread, figures);
  }

  /** The thread has died; another one may take its name. */
  async died(thread: string): Promise<void> {
    const figures = this.last.get(thread) ?? [];
    this.last.delete(thread);
    const counted = figures.filter(({ type }) => String(type) !== 'gauge');
    this.ofTheDead = await sumOf([this.ofTheDead, counted]).getMetricsAsJSON();
  }

  /** All of it, as Prometheus reads it. */
  async text(): Promise<string> {
    const own: Figures = await this.registry.getMetricsAsJSON();
    const ofThreads = [this.ofTheDead, ...this.last.values()];
    const names = new Set(ofThreads.flat().map(({ name }) => name));
    const alone = own.filter(({ name }) => !names.has(name));
    const texts = await Promise.all(alone.map(({ name }) => this.registry.getSingleMetricAsString(name)));
    const shared = own.filter(({ name }) => names.has(name));
    return [...texts, await sumOf([shared, ...ofThreads]).metrics()].join('\n\n');
  }
}

function sumOf(figures: readonly Figures[]): Registry {
  return AggregatorRegistry.aggregate([...figures]);
}
