/**
 * uPlot in a component: made once for its width and theme, given new data as often as it comes. Colours are read from
 * the style sheet, so that light and dark are decided in one place.
 */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { nowMs } from '../adapters/browser.js';
import { short } from '../format.js';
import { useObservable } from '../observable.js';
import { theme } from '../theme.js';

export type Series = {
  readonly label: string;
  /** A custom property of the style sheet, without its dashes. */
  readonly color: string;
  readonly fill?: boolean;
  readonly dash?: boolean;
  readonly stepped?: boolean;
};

/** So much room to the right that half of a time of day fits, when the last mark is at the edge. */
const rightMargin = 28;

/** Between the marks of what is counted: there is no half of a unit. */
const wholeSteps = Array.from({ length: 10 }, (_, digits) =>
  [1, 2, 5].map((step) => step * 10 ** digits),
).flat();

/** Less than this is never shown as the whole width: a plot that has just begun grows from the right. */
const secondsShownMin = 60;

export type PlotData = readonly (readonly (number | null)[])[];

export function Plot(props: {
  label: string;
  series: readonly Series[];
  data: PlotData;
  height: number;
  /** `time`: the first column is seconds since 1970; else any number. */
  x?: 'time' | 'number';
  format?: (value: number) => string;
  /** What is counted has whole numbers only. */
  counted?: boolean;
}) {
  const { series, data, height, x = 'time', format = String, counted = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLParagraphElement>(null);
  const plot = useRef<uPlot>(undefined);
  const look = useObservable(theme);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const parent = place.current!;
    plot.current = new uPlot(
      optionsOf(parent, tip.current!, { series, height, x, format, counted }),
      latest.current as uPlot.AlignedData,
      parent,
    );
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: parent.clientWidth, height }));
    resize.observe(parent);
    return () => {
      resize.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [look, height, x, series.map(({ label }) => label).join()]);
  useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data]);
  return (
    <div class="plot">
      <div ref={place} role="img" aria-label={props.label} style={{ height: `${height}px` }} />
      <p ref={tip} class="plot-tip" hidden />
    </div>
  );
}

/** Which colour is which line. */
export function Legend({ series }: { series: readonly Series[] }) {
  return (
    <span class="legend">
      {series.map(({ label, color }) => (
        <span key={label}>
          <i class={`dot dot-${color}`} aria-hidden="true" />
          {label}
        </span>
      ))}
    </span>
  );
}

/** What the lines are at under the pointer. */
function tell(
  { cursor, data, series }: uPlot,
  tip: HTMLElement,
  { x, format }: { x: 'time' | 'number'; format: (value: number) => string },
): void {
  const at = cursor.idx ?? null;
  const known = series.slice(1).flatMap(({ label }, line) => {
    const value = at === null ? null : data[line + 1]?.[at];
    return value === null || value === undefined ? [] : [{ label: (label as string).toLowerCase(), value }];
  });
  tip.hidden = at === null || known.length === 0 || (cursor.left ?? -1) < 0;
  if (tip.hidden) return;
  const second = data[0][at!]!;
  const moment = x === 'time' ? new Date(second * 1_000).toLocaleTimeString('en-GB') : `${format(second)} s`;
  tip.replaceChildren(
    textElement('span', moment),
    ...known.map(({ label, value }) => textElement('b', `${format(value)} ${label}`)),
  );
}

function textElement(name: 'span' | 'b', text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

function optionsOf(
  parent: HTMLElement,
  tip: HTMLElement,
  {
    series,
    height,
    x,
    format,
    counted,
  }: {
    series: readonly Series[];
    height: number;
    x: 'time' | 'number';
    format: (value: number) => string;
    counted: boolean;
  },
): uPlot.Options {
  const style = getComputedStyle(parent);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis: uPlot.Axis = {
    stroke: color('muted'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: color('line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: parent.clientWidth,
    height,
    padding: [8, rightMargin, 0, 0],
    legend: { show: false },
    hooks: { setCursor: [(plot) => tell(plot, tip, { x, format })] },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: {
        time: x === 'time',
        ...(x === 'time' && {
          range: (_: uPlot, min: number | null, max: number | null) => timesShown(min, max, nowMs() / 1_000),
        }),
      },
      y: { range: (_, __, max) => [0, Math.max(1, max * 1.06)] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 80, values: x === 'time' ? clockTimes : plainSeconds },
      {
        ...axis,
        size: 52,
        space: 36,
        ...(counted && { incrs: wholeSteps }),
        values: (_, values) => values.map((value) => short(value, format)),
      },
    ],
    series: [
      {},
      ...series.map(({ label, color: name, fill, dash, stepped }): uPlot.Series => {
        const stroke = color(name);
        const stepPath = uPlot.paths.stepped?.({ align: 1 });
        return {
          label,
          stroke,
          width: 1.75,
          points: { show: false },
          ...(fill === true && { fill: color(`${name}-wash`) }),
          ...(dash === true && { dash: [4, 4] }),
          ...(stepped === true && stepPath !== undefined && { paths: stepPath }),
        };
      }),
    ],
  };
}

/** Without anything to show there are no ends (null), and the present is shown. */
function timesShown(min: number | null, max: number | null, now: number): [number, number] {
  const end = max ?? now;
  return [Math.min(min ?? end, end - secondsShownMin), end];
}

const plainSeconds: uPlot.Axis.DynamicValues = (_, seconds) => seconds.map((second) => `${second} s`);

const clockTimes: uPlot.Axis.DynamicValues = (_, seconds, __, ___, increment) =>
  seconds.map((second) =>
    new Date(second * 1_000).toLocaleTimeString('en-GB', {
      hour: '2-digit',
      minute: '2-digit',
      ...(increment < 60 && { second: '2-digit' }),
    }),
  );
