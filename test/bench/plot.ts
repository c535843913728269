/** Throughput and p99 over the offered load, as an SVG that stands by itself. */
export type Point = { readonly offered: number; readonly answered: number; readonly p99Ms: number };

const width = 720;
const height = 260;
const margin = { left: 64, right: 24, top: 32, bottom: 44 };

export function plotSvg(title: string, points: readonly Point[]): string {
  const panels = [
    panel('answered a second', points, ({ answered }) => answered, 0),
    panel('p99 in ms, from the instant a request was due', points, ({ p99Ms }) => p99Ms, height),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${2 * height + 24}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${margin.left}" y="16" font-size="14">${title}</text>
${panels.join('\n')}
</svg>
`;
}

function panel(
  name: string,
  points: readonly Point[],
  valueOf: (point: Point) => number,
  top: number,
): string {
  const xMax = Math.max(...points.map(({ offered }) => offered));
  const yMax = Math.max(...points.map(valueOf));
  const x = (offered: number): number =>
    margin.left + (offered / xMax) * (width - margin.left - margin.right);
  const floor = top + height - margin.bottom + 24;
  const y = (value: number): number => floor - (value / yMax) * (height - margin.top - margin.bottom);
  const line = points.map((point) => `${x(point.offered).toFixed(1)},${y(valueOf(point)).toFixed(1)}`);
  const dots = points.map(
    (point) =>
      `<circle cx="${x(point.offered).toFixed(1)}" cy="${y(valueOf(point)).toFixed(1)}" r="3" fill="#0b6"/>`,
  );
  const ticks = [0, 0.5, 1].flatMap((share) => [
    `<text x="${margin.left - 8}" y="${y(yMax * share) + 4}" text-anchor="end">${rounded(yMax * share)}</text>`,
    `<text x="${x(xMax * share)}" y="${floor + 16}" text-anchor="middle">${rounded(xMax * share)}</text>`,
  ]);
  return [
    `<text x="${margin.left}" y="${floor - height + margin.top + margin.bottom - 6}">${name}</text>`,
    `<path d="M${margin.left},${y(yMax)} V${floor} H${width - margin.right}" fill="none" stroke="#888"/>`,
    `<polyline points="${line.join(' ')}" fill="none" stroke="#0b6" stroke-width="2"/>`,
    ...dots,
    ...ticks,
    `<text x="${width - margin.right}" y="${floor + 32}" text-anchor="end">requests offered a second</text>`,
  ].join('\n');
}

const rounded = (value: number): string =>
  value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
