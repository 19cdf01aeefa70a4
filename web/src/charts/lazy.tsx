// Charts as chunks of their own: the page draws first, the chart comes after.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Skeleton } from "../ui/states";
import type { CandleChartProps } from "./candles";
import type { LineChartProps } from "./line";

function lazily<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>): ComponentType<Props> {
  let chart: ComponentType<Props> | null = null;
  return function Lazily(props: Props) {
    const [, arrived] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (chart) return;
      load().then(
        (module) => {
          chart = module.default;
          arrived(1);
        },
        () => setFailed(true),
      );
    }, []);
    const Chart = chart;
    if (Chart) return <Chart {...props} />;
    return failed ? <p class="muted">The chart could not be loaded; its numbers are in the table.</p> : <Skeleton lines={6} />;
  };
}

const line = () => import("./line");
const candles = () => import("./candles");

export const LineChart = lazily<LineChartProps>(line);
export const CandleChart = lazily<CandleChartProps>(candles);

/** Fetches the charts of a job while its numbers are on their way; a failure shows where one is drawn. */
export function expectCharts(): void {
  for (const load of [line, candles]) load().catch(() => undefined);
}
