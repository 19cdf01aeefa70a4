// The calendar of a series: years down, months across, each filled as far as its candles go.
import { useRef } from "preact/hooks";

import type { Month } from "../api/shapes";
import { count, plural } from "../format/number";
import { param, setQuery } from "../routing/location";
import { gapLabel, moved, MONTHS, sentence, share, yearsOf } from "./months";

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

export function Calendar({ months, name }: { months: readonly Month[]; name: string }) {
  const grid = useRef<HTMLTableElement>(null);
  const years = yearsOf(months);
  const wanted = param("month");
  const gaps = months.filter((month) => month.missing > 0);
  const chosen = months.find((month) => month.month === wanted);
  // Tab stops once, at the month that is chosen, else at the first one with a gap.
  const stop = chosen ?? gaps[0] ?? months[months.length - 1];
  const choose = (month: string) => {
    setQuery({ month });
    grid.current?.querySelector<HTMLElement>(`[data-month="${month}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const from = (event.target as HTMLElement).dataset["month"];
    if (from === undefined || !ARROWS.includes(event.key)) return;
    event.preventDefault();
    choose(moved(years, from, event.key));
  };
  return (
    <div class="stack">
      <p class="readout" aria-live="polite">
        {chosen ? sentence(chosen) : summary(gaps, months.length)}
        {chosen && (
          <button type="button" class="button quiet small" onClick={() => setQuery({ month: null })}>
            All months
          </button>
        )}
      </p>
      <table class="calendar number" role="grid" aria-label={`months of ${name}`} ref={grid} onKeyDown={onKeyDown}>
        <thead>
          <tr>
            <td />
            {MONTHS.map((month) => (
              <th key={month} scope="col">
                <span class="long">{month}</span>
                <span class="short" aria-hidden="true">
                  {month[0]}
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {years.map(({ year, months: row }) => (
            <tr key={year}>
              <th scope="row">{year}</th>
              {row.map((month, index) =>
                month === null ? (
                  <td key={index} aria-label="outside the series" />
                ) : (
                  <td
                    key={index}
                    class={kind(month)}
                    data-month={month.month}
                    tabIndex={month === stop ? 0 : -1}
                    aria-selected={month === chosen}
                    aria-label={sentence(month)}
                    title={sentence(month)}
                    onClick={() => choose(month.month)}
                  >
                    <i style={{ height: `${height(month)}%` }} />
                    <span aria-hidden="true">{gapLabel(month)}</span>
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <div class="legend">
        <span>
          <i class="whole" />
          complete
        </span>
        <span>
          <i class="part" />
          partly there, in percent
        </span>
        <span>
          <i class="none" />
          no candle
        </span>
      </div>
    </div>
  );
}

function summary(gaps: readonly Month[], total: number): string {
  if (gaps.length === 0) return `Nothing is missing in ${plural(total, "month")}.`;
  const missing = gaps.reduce((sum, month) => sum + month.missing, 0);
  return `${count(missing)} candles are missing, in ${count(gaps.length)} of ${plural(total, "month")}. Choose a month to see its own.`;
}

function kind(month: Month): string {
  const part = share(month);
  return part === 1 ? "full" : part === 0 ? "none" : part === null ? "closed" : "part";
}

/** A gap of one candle must be seen too, and so must a single candle. */
function height(month: Month): number {
  const part = share(month) ?? 0;
  return part === 1 || part === 0 ? part * 100 : 8 + part * 76;
}
