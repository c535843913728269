/** Reports of sales as text: one for itself, several as a table. */
import type { SimulationReport } from '#contracts';
import type { Difference, SweepRow } from '#simulation';

/** What people want to know first, first. */
export function textOf(report: SimulationReport): string {
  const { rejected, throughput, latencyMs, funnel, crash } = report;
  const refused = Object.entries(rejected).filter(([, count]) => count > 0);
  const lines = [
    `${report.strategy}: ${report.requests} requests of ${report.buyers} buyers for ${report.stock} units, seed ${report.seed}${report.interrupted ? ', stopped early' : ''}`,
    `accepted   ${report.accepted}, of which ${report.confirmed} confirmed` +
      (funnel.abandoned + funnel.declined + funnel.tooLate > 0
        ? ` (${funnel.abandoned} abandoned, ${funnel.declined} declined, ${funnel.tooLate} too late)`
        : ''),
    `refused    ${refused.map(([why, count]) => `${count} ${why}`).join(', ') || 'nobody'}`,
    `oversold   ${report.oversold}`,
    `undersold  ${report.undersold}`,
    `throughput ${throughput.acceptedPerSecond} accepted/s, ${throughput.rejectedPerSecond} refused/s`,
    `latency    accepted p50 ${latencyMs.accepted.p50} ms, p99 ${latencyMs.accepted.p99} ms; refused p50 ${latencyMs.rejected.p50} ms, p99 ${latencyMs.rejected.p99} ms (from the planned arrival)`,
    ...report.faults.map(({ atMs, detail }) => `fault      at ${(atMs / 1_000).toFixed(1)} s: ${detail}`),
    ...(crash
      ? [
          `crash      ${crash.lost} of ${crash.checked} acknowledgements lost, ${crash.oversold} units sold again`,
        ]
      : []),
    ...report.invariants.map(({ id, ok, detail }) => `${ok ? 'ok    ' : 'BROKEN'} ${id.padEnd(4)} ${detail}`),
  ];
  return lines.join('\n');
}

const heads = [
  'strategy',
  'accepted',
  'oversold',
  'undersold',
  'lost',
  'sold again',
  'requests/s',
  'p99 ms',
  'errors',
];

/** Strategies beside each other; `lost` and `sold again` are after a crash. */
export function tableOf(reports: readonly SimulationReport[]): string {
  const rows = reports.map((report) => [
    report.strategy,
    `${report.accepted}`,
    `${report.oversold}`,
    `${report.undersold}`,
    report.crash ? `${report.crash.lost}` : '-',
    report.crash ? `${report.crash.oversold}` : '-',
    `${Math.round(report.throughput.requestsPerSecond)}`,
    `${Math.round(Math.max(report.latencyMs.accepted.p99, report.latencyMs.rejected.p99))}`,
    `${report.rejected.error}`,
  ]);
  return aligned([heads, ...rows]);
}

/** One scenario, with one thing changed from row to row. */
export function sweepTable(field: string, rows: readonly SweepRow[]): string {
  const heads = [field, 'accepted', 'paid', 'too late', 'refused', 'undersold', 'p99 ms', 'sold out after s'];
  const cells = rows.map(({ value, report }) => [
    `${value}`,
    `${report.accepted}`,
    `${report.confirmed}`,
    `${report.funnel.tooLate}`,
    `${Object.values(report.rejected).reduce((sum, count) => sum + count, 0)}`,
    `${report.undersold}`,
    `${Math.round(Math.max(report.latencyMs.accepted.p99, report.latencyMs.rejected.p99))}`,
    soldOutAfter(report),
  ]);
  return aligned([heads, ...cells]);
}

/** Real and virtual time beside each other. */
export function differencesText(rows: readonly Difference[]): string {
  const cells = rows.map(({ figure, real, virtual, percent }) => [
    figure,
    `${real}`,
    `${virtual}`,
    `${percent} %`,
  ]);
  return aligned([['', 'real time', 'virtual time', 'differ by'], ...cells]);
}

function soldOutAfter({ timeline }: SimulationReport): string {
  const step = timeline.unitsLeft.findIndex((units) => units <= 0);
  return step < 0 ? '-' : `${((step + 1) * timeline.stepMs) / 1_000}`;
}

/** The first column to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ');
  return rows.map(line).join('\n');
}
