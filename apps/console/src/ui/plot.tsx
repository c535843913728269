/**
 * uPlot in a component: made once for its width and theme, given new data as often as it comes. Colours are read from
 * the style sheet, so that light and dark are decided in one place.
 */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
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

export type PlotData = readonly (readonly (number | null)[])[];

export function Plot(props: {
  label: string;
  series: readonly Series[];
  data: PlotData;
  height: number;
  /** `time`: the first column is seconds since 1970; else any number. */
  x?: 'time' | 'number';
  format?: (value: number) => string;
}) {
  const { series, data, height, x = 'time', format = String } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const look = useObservable(theme);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const parent = place.current!;
    plot.current = new uPlot(
      optionsOf(parent, { series, height, x, format }),
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
    <div ref={place} class="plot" role="img" aria-label={props.label} style={{ height: `${height}px` }} />
  );
}

function optionsOf(
  parent: HTMLElement,
  {
    series,
    height,
    x,
    format,
  }: { series: readonly Series[]; height: number; x: 'time' | 'number'; format: (value: number) => string },
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
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { x: { time: x === 'time' }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.06)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 80, ...(x === 'time' && { values: clockTimes }) },
      { ...axis, size: 52, space: 36, values: (_, values) => values.map((value) => format(value)) },
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

const clockTimes: uPlot.Axis.DynamicValues = (_, seconds, __, ___, increment) =>
  seconds.map((second) =>
    new Date(second * 1_000).toLocaleTimeString('en-GB', {
      hour: '2-digit',
      minute: '2-digit',
      ...(increment < 60 && { second: '2-digit' }),
    }),
  );
