/** Finished simulations side by side: those of one scenario together, one row for each strategy that was tried on it. */
import type { SimulationReport, WireSimulation } from '#contracts';
import { href } from '../address.js';
import { count, rate } from '../format.js';
import { go } from '../router.js';
import { arrivalsOf } from './scenario-text.js';
import { strategies } from './start.js';

type Finished = WireSimulation & { readonly report: SimulationReport };

export function Comparison({ simulations }: { simulations: readonly WireSimulation[] }) {
  const finished = simulations.filter((one): one is Finished => one.report !== null);
  const groups = Map.groupBy(finished, ({ scenario }) =>
    JSON.stringify({ ...scenario, strategy: '', name: '', description: '' }),
  );
  return (
    <>
      {[...groups.values()].map((group) => (
        <section key={group[0]!.id} class="comparison">
          <h2>
            {count(group[0]!.scenario.buyers)} buyers for {count(group[0]!.scenario.stock)} units
          </h2>
          <p class="quiet">{arrivalsOf(group[0]!.scenario)}</p>
          <Group rows={group} />
        </section>
      ))}
    </>
  );
}

const order = strategies.map(([name]) => name);

function Group({ rows }: { rows: readonly Finished[] }) {
  const sorted = rows.toSorted(
    (left, right) => order.indexOf(left.scenario.strategy) - order.indexOf(right.scenario.strategy),
  );
  const unitsMax = Math.max(...rows.map(({ report }) => report.stock + report.oversold));
  return (
    <table class="list strategies">
      <thead>
        <tr>
          <th>Strategy</th>
          <th class="wide">Units sold against units there were</th>
          <th class="number">Oversold</th>
          <th class="number">Lost in a crash</th>
          <th class="number">Requests/s</th>
          <th class="number">p99</th>
          <th class="number">Invariants</th>
        </tr>
      </thead>
      <tbody>
        {sorted.map(({ id, report }) => (
          <Row key={id} id={id} report={report} unitsMax={unitsMax} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ id, report, unitsMax }: { id: string; report: SimulationReport; unitsMax: number }) {
  const { strategy, stock, oversold, undersold, crash, throughput, latencyMs, invariants } = report;
  const broken = invariants.filter(({ ok }) => !ok).length;
  return (
    <tr onClick={() => go(href('simulations', id))}>
      <td class="main">
        <a href={href('simulations', id)}>{strategy}</a>
      </td>
      <td class="wide">
        <div
          class="bar"
          role="img"
          aria-label={`${count(stock - undersold)} of ${count(stock)} sold, ${count(oversold)} oversold`}
        >
          <span class="bar-sold" style={{ width: `${(100 * (stock - undersold)) / unitsMax}%` }} />
          {oversold > 0 && <span class="bar-oversold" style={{ width: `${(100 * oversold) / unitsMax}%` }} />}
        </div>
      </td>
      <Bad label="Oversold" value={oversold} />
      {crash === null ? (
        <td class="number" data-label="Lost in a crash">
          –
        </td>
      ) : (
        <Bad label="Lost in a crash" value={crash.lost} />
      )}
      <td class="number" data-label="Requests/s">
        {rate(throughput.requestsPerSecond)}
      </td>
      <td class="number" data-label="p99">
        {rate(latencyMs.accepted.p99)} ms
      </td>
      <td class="number" data-label="Invariants">
        {broken === 0 ? 'hold' : <span class="none-left">{broken} broken</span>}
      </td>
    </tr>
  );
}

function Bad({ label, value }: { label: string; value: number }) {
  return (
    <td class="number" data-label={label}>
      {value === 0 ? '0' : <span class="none-left">{count(value)}</span>}
    </td>
  );
}
