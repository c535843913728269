/** Finished simulations side by side: those of one scenario together, one row for each strategy that was tried on it. */
import type { SimulationReport, WireSimulation } from '#contracts';
import { href } from '../address.js';
import { count, milliseconds, rate } from '../format.js';
import { type Column, Table } from '../ui/table.js';
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
  const crashed = rows.some(({ report }) => report.crash !== null);
  return (
    <Table
      columns={columnsOf(unitsMax, crashed)}
      rows={sorted}
      keyOf={({ id }) => id}
      open={({ id }) => href('simulations', id)}
    />
  );
}

function columnsOf(unitsMax: number, crashed: boolean): readonly Column<Finished>[] {
  return [
    {
      label: 'Strategy',
      kind: 'main',
      plain: true,
      cell: ({ id, report }) => <a href={href('simulations', id)}>{report.strategy}</a>,
    },
    {
      label: 'Units sold against units there were',
      kind: 'wide',
      cell: ({ report }) => <Sold report={report} unitsMax={unitsMax} />,
    },
    { label: 'Oversold', kind: 'number', cell: ({ report }) => <Bad value={report.oversold} /> },
    ...(crashed ? [lostColumn] : []),
    { label: 'Requests/s', kind: 'number', cell: ({ report }) => rate(report.throughput.requestsPerSecond) },
    { label: 'p99', kind: 'number', cell: ({ report }) => milliseconds(report.latencyMs.accepted.p99) },
    { label: 'Invariants', kind: 'number', cell: ({ report }) => <Held report={report} /> },
  ];
}

const lostColumn: Column<Finished> = {
  label: 'Lost in a crash',
  kind: 'number',
  cell: ({ report }) => (report.crash === null ? '–' : <Bad value={report.crash.lost} />),
};

function Sold({ report, unitsMax }: { report: SimulationReport; unitsMax: number }) {
  const { stock, oversold, undersold } = report;
  return (
    <div
      class="bar"
      role="img"
      aria-label={`${count(stock - undersold)} of ${count(stock)} sold, ${count(oversold)} oversold`}
    >
      <span class="bar-sold" style={{ width: `${(100 * (stock - undersold)) / unitsMax}%` }} />
      {oversold > 0 && <span class="bar-oversold" style={{ width: `${(100 * oversold) / unitsMax}%` }} />}
    </div>
  );
}

function Bad({ value }: { value: number }) {
  return value === 0 ? <>0</> : <span class="none-left">{count(value)}</span>;
}

function Held({ report }: { report: SimulationReport }) {
  const broken = report.invariants.filter(({ ok }) => !ok).length;
  return broken === 0 ? <>hold</> : <span class="none-left">{broken} broken</span>;
}
