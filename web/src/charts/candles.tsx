// Candles with the trades on them, by lightweight-charts. Loaded when the candles are shown.
import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  type IChartApi,
  type ISeriesApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useRef } from "preact/hooks";

import type { Trade } from "../api/shapes";
import { price, withoutZeros } from "../format/number";
import type { Candle } from "../job/series";
import { theme, token } from "../ui/theme";

export interface CandleChartProps {
  candles: readonly Candle[];
  trades: readonly Trade[];
  label: string;
  /** Asked when the reader looks at a part: open times in milliseconds. */
  onRange(from: number, to: number): void;
}

/** Most trades whose marks have words: more would lie on each other. */
const MOST_WORDED = 12;
const PAUSE_MS = 250;
/** Pixels of a candle at least: all that are shown fit a phone too. */
const LEAST_SPACING = 0.1;

export default function CandleChart(props: CandleChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const held = useRef<{ chart: IChartApi; series: ISeriesApi<"Candlestick"> } | null>(null);
  const ask = useRef(props.onRange);
  ask.current = props.onRange;
  const mode = theme.value;

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const chart = createChart(element, {
      autoSize: true,
      layout: { background: { color: token("surface") }, textColor: token("muted"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 },
      grid: { vertLines: { color: token("line") }, horzLines: { color: token("line") } },
      rightPriceScale: { borderColor: token("line"), scaleMargins: { top: 0.12, bottom: 0.08 } },
      timeScale: { borderColor: token("line"), timeVisible: true, secondsVisible: false, minBarSpacing: LEAST_SPACING },
      localization: { locale: "en-US", priceFormatter: price, tickmarksPriceFormatter: (ticks: readonly number[]) => withoutZeros(ticks.map(price)) },
    });
    const [up, down] = [token("series-1"), token("series-2")];
    const series = chart.addSeries(CandlestickSeries, {
      upColor: token("surface"),
      borderUpColor: up,
      wickUpColor: up,
      downColor: down,
      borderDownColor: down,
      wickDownColor: down,
    });
    held.current = { chart, series };
    let timer: ReturnType<typeof setTimeout> | undefined;
    chart.timeScale().subscribeVisibleTimeRangeChange((range) => {
      clearTimeout(timer);
      if (range) timer = setTimeout(() => ask.current(Number(range.from) * 1000, Number(range.to) * 1000), PAUSE_MS);
    });
    return () => {
      clearTimeout(timer);
      held.current = null;
      chart.remove();
    };
  }, [mode]);

  const first = useRef(true);
  useEffect(() => {
    const { chart, series } = held.current ?? {};
    if (!chart || !series) return undefined;
    const range = chart.timeScale().getVisibleRange();
    series.setData(props.candles.map(({ time, ...prices }) => ({ time: (time / 1000) as UTCTimestamp, ...prices })));
    if (first.current) chart.timeScale().fitContent();
    else if (range) chart.timeScale().setVisibleRange(range);
    first.current = false;
    const markers = createSeriesMarkers(series, marksOf(props.candles, props.trades), { autoScale: false });
    // A chart that was removed took its marks along.
    return () => {
      if (held.current) markers.detach();
    };
  }, [props.candles, props.trades, mode]);

  return <div ref={box} class="candle-chart" role="group" aria-label={props.label} />;
}

/** Marks at the entries and exits that are among the candles. */
export function marksOf(candles: readonly Candle[], trades: readonly Trade[]): SeriesMarker<Time>[] {
  const [start, end] = [candles[0]?.time ?? Infinity, candles[candles.length - 1]?.time ?? -Infinity];
  const within = trades.filter((trade) => Date.parse(trade.exitTime) >= start && Date.parse(trade.entryTime) <= end);
  const marks = within.flatMap((trade): SeriesMarker<Time>[] => {
    const long = trade.side === "long";
    return [
      { time: snap(candles, trade.entryTime), position: long ? "belowBar" : "aboveBar", shape: long ? "arrowUp" : "arrowDown", color: token("running"), text: trade.side },
      { time: snap(candles, trade.exitTime), position: long ? "aboveBar" : "belowBar", shape: "circle", size: 0.6, color: token(trade.pnl > 0 ? "gain" : "loss"), text: trade.pnl > 0 ? "won" : "lost" },
    ];
  });
  const plain = within.length > MOST_WORDED ? marks.map((mark) => ({ ...mark, text: "" })) : marks;
  return plain.sort((a, b) => Number(a.time) - Number(b.time));
}

/** The last candle at or before a time: thinned candles cover more than one. */
function snap(candles: readonly Candle[], text: string): UTCTimestamp {
  const time = Date.parse(text);
  let [low, high] = [0, candles.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (candles[middle]!.time <= time) low = middle;
    else high = middle - 1;
  }
  return ((candles[low]?.time ?? time) / 1000) as UTCTimestamp;
}
