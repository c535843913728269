import { afterEach, expect, test } from '@jest/globals';
import { createMetrics, figuresOf, type Metrics } from './metrics.js';
import { AggregatedMetrics } from './aggregated-metrics.js';

const opened: Metrics[] = [];
const open = (thread?: string): Metrics => {
  const metrics = createMetrics(thread);
  opened.push(metrics);
  return metrics;
};
afterEach(() => {
  for (const { registry } of opened.splice(0)) registry.clear();
});

const heldIn = (text: string): number =>
  Number(/holdfast_reservations_total\{outcome="held"\} (\d+)/.exec(text)?.[1]);

async function counting(): Promise<{
  aggregated: AggregatedMetrics;
  one: Metrics;
  two: Metrics;
  hear: () => Promise<void>;
}> {
  const [one, two] = [open('1'), open('2')];
  const aggregated = new AggregatedMetrics(open().registry);
  const hear = async (): Promise<void> => {
    aggregated.heard('1', await figuresOf(one));
    aggregated.heard('2', await figuresOf(two));
  };
  return { aggregated, one, two, hear };
}

test('what threads count is summed, and what is there once in a process stays once', async () => {
  const { aggregated, one, two, hear } = await counting();
  one.reservations.inc({ outcome: 'held' }, 3);
  two.reservations.inc({ outcome: 'held' }, 4);
  one.httpDuration.observe({ method: 'POST', route: '/x', status: '201' }, 0.004);
  two.httpDuration.observe({ method: 'POST', route: '/x', status: '201' }, 0.4);
  await hear();
  const text = await aggregated.text();
  expect(heldIn(text)).toBe(7);
  expect(text).toContain(
    'holdfast_http_request_duration_seconds_count{method="POST",route="/x",status="201"} 2',
  );
  expect(text).toContain(
    'holdfast_http_request_duration_seconds_bucket{le="0.005",method="POST",route="/x",status="201"} 1',
  );
  for (const name of ['process_start_time_seconds', 'nodejs_version_info', 'holdfast_reservations_total']) {
    expect(text.split(`# TYPE ${name} `).length).toBe(2);
  }
  for (const thread of ['1', '2'])
    expect(text).toContain(`nodejs_eventloop_lag_p99_seconds{thread="${thread}"}`);
});

test('a counter does not go back when a thread dies, and its successor counts on', async () => {
  const { aggregated, one, hear } = await counting();
  one.reservations.inc({ outcome: 'held' }, 5);
  await hear();
  await aggregated.died('1');
  expect(heldIn(await aggregated.text())).toBe(5);
  const next = open('1');
  next.reservations.inc({ outcome: 'held' });
  aggregated.heard('1', await figuresOf(next));
  expect(heldIn(await aggregated.text())).toBe(6);
  await aggregated.died('1');
  expect(heldIn(await aggregated.text())).toBe(6);
});
