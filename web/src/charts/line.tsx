// Lines over time on a canvas, by uPlot. Loaded when a chart is shown.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { withoutZeros } from "../format/number";
import { day, minute } from "../format/time";
import { theme, token } from "../ui/theme";

/** One line; `values` stand at the places of `x`. */
export interface Line {
  label: string;
  /** Colour token. */
  colour: string;
  values: readonly (number | null)[];
  /** Whether the room between the line and zero is tinted. */
  fill?: boolean;
}

export interface LineChartProps {
  /** Seconds since the epoch, or whole numbers where `time` is false; ascending. */
  x: readonly number[];
  time: boolean;
  lines: readonly Line[];
  height: number;
  write: (value: number) => string;
  label: string;
  /** Charts of one group share their cursor. */
  group?: string;
  /** The part of `x` that is shown at first; all of it where there is none. */
  part?: readonly [number, number] | null;
  /** Told when the reader looks at a part, and null when at all again. */
  onPart?(part: readonly [number, number] | null): void;
}

export default function LineChart(props: LineChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const mode = theme.value;
  const part = useRef(props.part ?? null);
  part.current = props.part ?? null;
  const tell = useRef(props.onPart);
  tell.current = props.onPart;
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const data = [props.x, ...props.lines.map((line) => line.values)] as unknown as uPlot.AlignedData;
    const [first, last] = [props.x[0] ?? 0, props.x[props.x.length - 1] ?? 0];
    const options = optionsOf(props, element.clientWidth);
    const looked = (chart: uPlot, scale: string) => {
      const { min, max } = chart.scales["x"] ?? {};
      if (scale !== "x" || min === undefined || max === undefined) return;
      const shown = min <= first && max >= last ? null : ([min, max] as const);
      if (shown?.[0] !== part.current?.[0] || shown?.[1] !== part.current?.[1]) tell.current?.(shown);
    };
    const chart = new uPlot({ ...options, hooks: { setScale: [looked] } }, data, element);
    // Before the first drawing, so that nobody is told of the whole.
    if (part.current) chart.setScale("x", { min: Math.max(first, part.current[0]), max: Math.min(last, part.current[1]) });
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: props.height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [props.x, props.lines, props.height, mode]);
  return <div ref={box} class="chart" role="img" aria-label={props.label} />;
}

function optionsOf(props: LineChartProps, width: number): uPlot.Options {
  const { lines, time, height, write, group } = props;
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: token("muted"), font, grid: { stroke: token("line"), width: 1 }, ticks: { show: false } };
  const cursor: uPlot.Cursor = { points: { size: 7 }, drag: { x: true, y: false } };
  if (group) cursor.sync = { key: group };
  return {
    width,
    height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor,
    legend: { live: true },
    scales: { x: { time } },
    axes: [
      { ...axis, space: 90, size: 30, values: time ? (_chart, ticks, _at, _space, step) => ticks.map((tick) => tickText(tick, step)) : (_chart, ticks) => ticks.map(String) },
      { ...axis, size: (_chart, values) => axisWidth(values), values: (_chart, ticks) => withoutZeros(ticks.map((tick) => write(tick))) },
    ],
    series: [
      {
        label: time ? "time" : "day",
        value: (_chart, value, _series, at) => {
          const shown = at === null ? props.x[props.x.length - 1] : value;
          return shown === null || shown === undefined ? "–" : time ? timeText(shown, props.x) : String(shown);
        },
      },
      ...lines.map((line): uPlot.Series => {
        const series: uPlot.Series = {
          label: line.label,
          stroke: token(line.colour),
          width: 1.75,
          points: { show: false },
          // Without a cursor the legend has the last values.
          value: (_chart, value, _series, at) => {
            const shown = at === null ? line.values[line.values.length - 1] : value;
            return shown === null || shown === undefined ? "–" : write(shown);
          },
        };
        if (line.fill) series.fill = `color-mix(in srgb, ${token(line.colour)} 14%, transparent)`;
        return series;
      }),
    ],
  };
}

/** Room for percents and for five digits, so that charts under each other have one time axis. */
const LEAST_AXIS = 74;

/** Room for the longest number beside the axis, in pixels. */
function axisWidth(values: readonly string[] | null): number {
  const digits = Math.max(0, ...(values ?? []).map((text) => text.length));
  return Math.max(LEAST_AXIS, digits * 7.2 + 16);
}

/** Ticks are written as short as their distance allows: year, month, day, or time of the day. */
function tickText(seconds: number, step: number): string {
  const text = minute(seconds * 1000);
  if (step >= 364 * 86_400) return text.slice(0, 4);
  if (step >= 28 * 86_400) return text.slice(0, 7);
  return step >= 86_400 ? text.slice(0, 10) : text.slice(5);
}

/** Days where the steps are days, else minutes. */
function timeText(seconds: number, x: readonly number[]): string {
  const step = (x[1] ?? 0) - (x[0] ?? 0);
  return step >= 86_400 ? day(seconds * 1000) : minute(seconds * 1000);
}
