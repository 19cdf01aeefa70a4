// Where the in-sample winners end out of sample: a histogram of logits, and the table that says the same.
import { count, decimal } from "../format/number";

const WIDTH = 360;
const HEIGHT = 110;
const FOOT = 18;

/** One bar: the logits in (from, to], and how many splits have one. */
export interface Bar {
  from: number;
  to: number;
  count: number;
}

/** The bars of a histogram over (-limit, limit]. */
export function bars(limit: number, counts: readonly number[]): Bar[] {
  const width = (2 * limit) / Math.max(1, counts.length);
  return counts.map((each, index) => ({ from: -limit + index * width, to: -limit + (index + 1) * width, count: each }));
}

export function LogitHistogram({ limit, counts }: { limit: number; counts: readonly number[] }) {
  const all = bars(limit, counts);
  const most = Math.max(1, ...counts);
  const at = (logit: number) => ((logit + limit) / (2 * limit)) * WIDTH;
  const lost = all.filter((bar) => bar.to <= 1e-9).reduce((sum, bar) => sum + bar.count, 0);
  const total = all.reduce((sum, bar) => sum + bar.count, 0);
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`} class="histogram" role="img" aria-label={`histogram of ${count(total)} splits; in ${count(lost)} the winner ends in the lower half`}>
        {all.map((bar) => {
          const height = (bar.count / most) * (HEIGHT - 8);
          return (
            <rect
              key={bar.from}
              x={at(bar.from) + 0.5}
              y={HEIGHT - height}
              width={Math.max(0.5, at(bar.to) - at(bar.from) - 1)}
              height={height}
              fill={bar.to <= 1e-9 ? "var(--series-2)" : "var(--series-1)"}
            />
          );
        })}
        <path d={`M0 ${HEIGHT}H${WIDTH}`} stroke="var(--line-strong)" />
        <path d={`M${at(0)} 0V${HEIGHT}`} stroke="var(--muted)" stroke-dasharray="3 2" />
        <g font-size="11" fill="var(--muted)">
          <text x={at(0) - 6} y={HEIGHT + 13} text-anchor="end">
            ← lower half: overfit
          </text>
          <text x={at(0) + 6} y={HEIGHT + 13}>
            upper half →
          </text>
        </g>
      </svg>
      <figcaption class="muted">Rank of each split's in-sample winner out of sample, as a logit.</figcaption>
      <details class="twin">
        <summary>The same as a table</summary>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Logit</th>
              <th scope="col" class="right">
                Splits
              </th>
            </tr>
          </thead>
          <tbody>
            {all
              .filter((bar) => bar.count > 0)
              .map((bar) => (
                <tr key={bar.from}>
                  <td>
                    {decimal(bar.from, 2)} to {decimal(bar.to, 2)}
                  </td>
                  <td class="right">{count(bar.count)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
