/** The sale so far, as this page has seen it: units over time, and attempts accepted and refused a second. */
import { useMemo } from 'preact/hooks';
import { nowMs } from '../adapters/browser.js';
import { tick } from '../format.js';
import { useObservable } from '../observable.js';
import { Legend, Plot, type PlotData, type Series } from '../ui/plot.js';
import { useNow } from '../ui/parts.js';
import { type LiveStock, outcomes } from './use-live.js';

const stockSeries: readonly Series[] = [
  { label: 'Available', color: 'available', fill: true, stepped: true },
  { label: 'Held', color: 'held', stepped: true },
  { label: 'Sold', color: 'sold', stepped: true },
];
const acceptedSeries: readonly Series[] = [{ label: 'Accepted', color: 'available', fill: true }];
const refusedSeries: readonly Series[] = [{ label: 'Refused', color: 'refused', fill: true }];

export function LiveCharts({ live: { history, level } }: { live: LiveStock }) {
  const now = useNow();
  const stock = useMemo((): PlotData => {
    const { points, latest } = history;
    // A level holds until the next one: the line goes on to the present.
    const shown =
      latest === undefined ? [] : [...points, { ...latest, atMs: Math.max(nowMs(), latest.atMs) }];
    return [
      shown.map(({ atMs }) => atMs / 1_000),
      shown.map(({ available }) => available),
      shown.map(({ held }) => held),
      shown.map(({ committed }) => committed),
    ];
  }, [history, level, now]);
  const { rates } = useObservable(outcomes);
  const seconds = rates.points.map(({ atMs }) => atMs / 1_000);
  const accepted: PlotData = [seconds, rates.points.map((point) => point.accepted)];
  const refused: PlotData = [seconds, rates.points.map((point) => point.refused)];
  return (
    <section class="charts" aria-label="Over time">
      <figure class="chart-wide">
        <figcaption>
          Units since this page was opened
          <Legend series={stockSeries} />
        </figcaption>
        <Plot label="Units over time" series={stockSeries} data={stock} height={240} format={tick} counted />
      </figure>
      <figure>
        <figcaption>Accepted a second</figcaption>
        <Plot label="Accepted a second" series={acceptedSeries} data={accepted} height={140} format={tick} />
      </figure>
      <figure>
        <figcaption>Refused a second</figcaption>
        <Plot label="Refused a second" series={refusedSeries} data={refused} height={140} format={tick} />
      </figure>
    </section>
  );
}
