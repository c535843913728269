/** What a simulation came to: what was sold, who was refused, how fast, and how it went over time. */
import type { SimulationReport } from '#contracts';
import { count, duration, milliseconds, rate, tick } from '../format.js';
import { Figure } from '../ui/parts.js';
import { Legend, Plot, type PlotData, type Series } from '../ui/plot.js';

const unitsSeries: readonly Series[] = [
  { label: 'Units left', color: 'available', fill: true, stepped: true },
];
const requestSeries: readonly Series[] = [
  { label: 'Arrivals', color: 'sold' },
  { label: 'Accepted', color: 'available' },
  { label: 'Refused', color: 'refused' },
];
const latencySeries: readonly Series[] = [{ label: 'p99', color: 'held' }];

export function Report({ report }: { report: SimulationReport }) {
  const { oversold, undersold, stock, rejected, throughput, latencyMs, crash, invariants } = report;
  const refused = rejected.soldOut + rejected.insufficient + rejected.duplicate + rejected.buyerLimit;
  const broken = invariants.filter(({ ok }) => !ok);
  return (
    <>
      <p class={`verdict ${oversold === 0 && broken.length === 0 ? 'verdict-good' : 'verdict-bad'}`}>
        {oversold > 0
          ? `${count(oversold)} oversold`
          : broken.length > 0
            ? `${broken.length} invariants broken`
            : '0 oversold'}
      </p>
      <dl class="rates">
        <Figure
          label="Reservations accepted"
          value={count(report.accepted)}
          note={`${count(stock)} units, ${count(undersold)} left over`}
        />
        <Figure
          label="Confirmed"
          value={count(report.confirmed)}
          note={`${count(report.funnel.abandoned)} abandoned, ${count(report.funnel.declined)} declined`}
        />
        <Figure
          label="Refused"
          tone="refused"
          value={count(refused)}
          note={`${count(rejected.error)} errors`}
        />
        <Figure
          label="Requests a second"
          value={rate(throughput.requestsPerSecond)}
          note={`in ${duration(report.durationMs / 1_000)}`}
        />
        <Figure
          label="Accepted, p99"
          value={milliseconds(latencyMs.accepted.p99)}
          note={`p50 ${milliseconds(latencyMs.accepted.p50)}, from the planned arrival`}
        />
        <Figure
          label="Refused, p99"
          value={milliseconds(latencyMs.rejected.p99)}
          note={`p50 ${milliseconds(latencyMs.rejected.p50)}`}
        />
        {crash && (
          <Figure
            label="Lost in a crash"
            value={count(crash.lost)}
            note={`of ${count(crash.checked)} acknowledged`}
          />
        )}
      </dl>
      <Timeline timeline={report.timeline} />
      {broken.length > 0 && (
        <ul class="invariants">
          {broken.map(({ id, detail }) => (
            <li key={id} class="bad">
              <span class="invariant-id">{id}</span>
              <span class="invariant-state">broken</span>
              <span class="invariant-detail">{detail}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Timeline({ timeline }: { timeline: SimulationReport['timeline'] }) {
  const seconds = timeline.arrivals.map((_, at) => (at * timeline.stepMs) / 1_000);
  const perSecond = (counts: readonly number[]) => counts.map((value) => (value * 1_000) / timeline.stepMs);
  const plot = (title: string, series: readonly Series[], data: PlotData, counted = false) => (
    <figure>
      <figcaption>
        {title}
        {series.length > 1 && <Legend series={series} />}
      </figcaption>
      <Plot
        label={title}
        series={series}
        data={data}
        height={180}
        x="number"
        format={tick}
        counted={counted}
      />
    </figure>
  );
  return (
    <section class="charts" aria-label="Over time, in seconds">
      {plot('Units left', unitsSeries, [seconds, timeline.unitsLeft], true)}
      {plot('Arrivals, accepted and refused a second', requestSeries, [
        seconds,
        perSecond(timeline.arrivals),
        perSecond(timeline.accepted),
        perSecond(timeline.refused),
      ])}
      {plot('p99 of all answers, in ms', latencySeries, [seconds, timeline.p99Ms])}
    </section>
  );
}
