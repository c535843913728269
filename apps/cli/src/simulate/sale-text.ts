/** Reports of sales as text, for terminals of 80 columns: one for itself, several as a table. */
import { styleText } from 'node:util';
import type { SimulationReport } from '#contracts';
import type { Difference, SweepRow } from '#simulation';

/** A line is no longer than this, but for what cannot be broken. */
const columnsMax = 80;
const indent = ' '.repeat(11);

/** What people want to know first, first. */
export function textOf(report: SimulationReport): string {
  const { rejected, throughput, latencyMs, funnel, crash } = report;
  const refused = Object.entries(rejected).filter(([, count]) => count > 0);
  const ends = [
    [funnel.abandoned, 'abandoned'],
    [funnel.declined, 'declined'],
    [funnel.tooLate, 'too late'],
  ] as const;
  const unpaid = ends.flatMap(([count, how]) => (count > 0 ? [`${count} ${how}`] : []));
  const latency = ({ p50, p99 }: { p50: number; p99: number }) => `p50 ${inTime(p50)}, p99 ${inTime(p99)}`;
  const lines = [
    line(
      `${report.strategy}:`,
      `${report.requests} requests of ${report.buyers} buyers for ${report.stock} units, seed ${report.seed}${report.interrupted ? ', stopped early' : ''}`,
    ),
    line(
      'accepted',
      `${report.accepted}, of which ${report.confirmed} confirmed${unpaid.length > 0 ? ` (${unpaid.join(', ')})` : ''}`,
    ),
    line('refused', refused.map(([why, count]) => `${count} ${why}`).join(', ') || 'nobody'),
    paint(report.oversold === 0 ? 'green' : 'red', line('oversold', `${report.oversold}`)),
    line('undersold', `${report.undersold}`),
    line(
      'throughput',
      `${throughput.acceptedPerSecond} accepted/s, ${throughput.rejectedPerSecond} refused/s`,
    ),
    line(
      'latency',
      `accepted ${latency(latencyMs.accepted)}; refused ${latency(latencyMs.rejected)}; from the planned arrival`,
    ),
    ...report.faults.map(({ atMs, detail }) => line('fault', `at ${(atMs / 1_000).toFixed(1)} s: ${detail}`)),
    ...(crash
      ? [
          line(
            'crash',
            `${crash.lost} of ${crash.checked} acknowledgements lost, ${crash.oversold} units sold again`,
          ),
        ]
      : []),
    ...report.invariants.map(({ id, ok, detail }) =>
      paint(ok ? null : 'red', line(`${ok ? 'ok    ' : 'BROKEN'} ${id}`, detail)),
    ),
  ];
  return lines.join('\n');
}

/** A name and what there is to say of it. */
function line(name: string, text: string): string {
  return brokenUp(text, `${name.padEnd(indent.length - 1)} `, indent);
}

/** A sentence or two, broken between words. */
export function paragraph(text: string): string {
  return brokenUp(text, '', '  ');
}

function brokenUp(text: string, first: string, later: string): string {
  const lines = [first];
  for (const [at, word] of text.split(' ').entries()) {
    const last = lines.at(-1)!;
    const gap = at === 0 || last === later ? '' : ' ';
    if (last.length + gap.length + word.length <= columnsMax) lines[lines.length - 1] = last + gap + word;
    else lines.push(later + word);
  }
  return lines.join('\n');
}

/** In a terminal that wants colours (NO_COLOR is heard), and nowhere else. */
function paint(colour: 'green' | 'red' | null, text: string): string {
  return colour === null ? text : styleText(colour, text, { stream: process.stdout });
}

function inTime(ms: number): string {
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

// With one column between them, no wider than 80.
const heads = ['strategy', 'accepted', 'oversold', 'left', 'lost', 'resold', 'req/s', 'p99 ms', 'errors'];

/** Strategies beside each other; `lost` and `resold` are after a crash. */
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
  return aligned([heads, ...rows], ' ');
}

/** One scenario, with one thing changed from row to row. */
export function sweepTable(field: string, rows: readonly SweepRow[]): string {
  const heads = [field, 'accepted', 'paid', 'too late', 'refused', 'left', 'p99 ms', 'sold out'];
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
    `${Math.round(real)}`,
    `${Math.round(virtual)}`,
    `${percent} %`,
  ]);
  return aligned([['', 'real time', 'virtual time', 'differ by'], ...cells]);
}

function soldOutAfter({ timeline }: SimulationReport): string {
  const step = timeline.unitsLeft.findIndex((units) => units <= 0);
  return step < 0 ? '-' : `${((step + 1) * timeline.stepMs) / 1_000} s`;
}

/** The first column to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[], gap = '  '): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join(gap);
  return rows.map(line).join('\n');
}
