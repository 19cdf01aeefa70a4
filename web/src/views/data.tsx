// Data: the stored series, what they cover, and one of them in full.
import { paths } from "../api/paths";
import type { Coverage, Series, SeriesPage } from "../api/shapes";
import { Calendar } from "../data/calendar";
import { count, percent } from "../format/number";
import { density, seriesKey } from "../format/series";
import { day, minute } from "../format/time";
import { each, once, useResource } from "../live/resource";
import { param, setQuery } from "../routing/location";
import { Card, Facts, Figures, Head } from "../ui/parts";
import { SearchField } from "../ui/search_field";
import { Empty, Show } from "../ui/states";
import { Table, type Column } from "../ui/table";

const EVERY_S = each(20);

export function Data() {
  const known = useResource<SeriesPage>(paths.series, EVERY_S);
  const wanted = param("find").toLowerCase();
  const chosen = param("series");
  return (
    <>
      <Head title="Data" facts={<span>Candles by exchange, ticker and timeframe. Larger timeframes are made of smaller ones when a job asks for them.</span>} />
      <div class="stack">
        <Show known={known} what="Series" lines={8}>
          {({ items }) => {
            if (items.length === 0) {
              return (
                <Card title="Series">
                  <Empty title="No candles are stored yet" command="backfleet candles import examples/candles">
                    Import csv or Parquet files of any provider; the examples need no download.
                  </Empty>
                </Card>
              );
            }
            const rows = items.filter((series) => seriesKey(series).toLowerCase().includes(wanted));
            const span = spanOf(items);
            const one = items.find((series) => seriesKey(series) === chosen);
            return (
              <div class="stack">
                <Figures
                  of={[
                    { label: "Series", value: count(items.length) },
                    { label: "Candles", value: count(items.reduce((sum, series) => sum + series.count, 0)) },
                    { label: "Exchanges", value: count(new Set(items.map((series) => series.exchange)).size) },
                    { label: "From", value: day(span.first) },
                    { label: "To", value: day(span.last) },
                  ]}
                />
                <div class="toolbar">
                  <SearchField name="find" label="Exchange, ticker or timeframe" />
                  {!one && <span class="muted">Choose a series for its calendar of months.</span>}
                </div>
                {one && <OneSeries series={one} />}
                <Card title={`${count(rows.length)} series`} bare>
                  {rows.length === 0 ? (
                    <Empty title="No series fits">
                      <a href="/data">Drop the filter</a>
                    </Empty>
                  ) : (
                    <Table
                      label="series"
                      columns={[...COLUMNS, covers(span)]}
                      rows={rows}
                      rowKey={seriesKey}
                      keys={{ Enter: (series) => setQuery({ series: seriesKey(series), month: null }) }}
                      tall
                    />
                  )}
                </Card>
              </div>
            );
          }}
        </Show>
      </div>
    </>
  );
}

interface Span {
  first: number;
  last: number;
}

function spanOf(items: readonly Series[]): Span {
  const firsts = items.map((series) => new Date(series.first).getTime());
  const lasts = items.map((series) => new Date(series.last).getTime());
  return { first: Math.min(...firsts), last: Math.max(...lasts) };
}

const COLUMNS: readonly Column<Series>[] = [
  {
    key: "ticker",
    title: "Series",
    cell: (series) => (
      <a href={`/data?series=${encodeURIComponent(seriesKey(series))}`}>
        {series.ticker} <span class="muted">{series.timeframe}</span>
      </a>
    ),
  },
  { key: "exchange", title: "Exchange", cell: (series) => series.exchange },
  { key: "calendar", title: "Calendar", cell: (series) => series.calendar },
  { key: "count", title: "Candles", right: true, cell: (series) => count(series.count) },
  {
    key: "density",
    title: "Filled",
    about: "About the share of the calendar's places between the first and the last candle that are filled; a series in full counts them exactly",
    right: true,
    cell: (series) => percent(density(series), 0),
  },
  { key: "first", title: "First", right: true, cell: (series) => minute(series.first) },
  { key: "last", title: "Last", right: true, cell: (series) => minute(series.last) },
];

function covers(span: Span): Column<Series> {
  const whole = Math.max(1, span.last - span.first);
  const at = (time: string) => (100 * (new Date(time).getTime() - span.first)) / whole;
  return {
    key: "coverage",
    title: `${day(span.first)} … ${day(span.last)}`,
    class: "bar",
    cell: (series) => (
      <div class="coverage" role="img" aria-label={`from ${day(series.first)} to ${day(series.last)}`}>
        <i style={{ left: `${at(series.first)}%`, width: `${Math.max(0.6, at(series.last) - at(series.first))}%`, opacity: String(0.35 + 0.65 * (density(series) ?? 1)) }} />
      </div>
    ),
  };
}

function OneSeries({ series }: { series: Series }) {
  const known = useResource<Coverage>(paths.coverage(series.exchange, series.ticker, series.timeframe), once);
  return (
    <Card
      title={seriesKey(series)}
      actions={
        <button type="button" class="button quiet small" onClick={() => setQuery({ series: null, month: null })}>
          Close
        </button>
      }
    >
      <Show known={known} what="Coverage" lines={8}>
        {(coverage) => (
          <div class="coverage-parts">
            <Calendar months={coverage.months} name={seriesKey(series)} />
            <Facts
              of={[
                ["first candle", `${minute(coverage.first)} UTC`],
                ["last candle", `${minute(coverage.last)} UTC`],
                ["candles", <span class="number">{count(coverage.count)}</span>],
                ["missing inside", <span class="number">{coverage.gaps === 0 ? "none, by the calendar's rules" : `${count(coverage.gaps)} candles, by the calendar's rules`}</span>],
                ["calendar", coverage.calendar],
                ["data hash", <span class="hash">{coverage.dataHash}</span>],
              ]}
            />
          </div>
        )}
      </Show>
    </Card>
  );
}
