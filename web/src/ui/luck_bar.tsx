// The luck bar: the two lines of luck on an axis of Sharpe ratios, and the best result if there is one.
import type { Luck } from "../api/shapes";
import { count, decimal } from "../format/number";

const WIDTH = 360;
const LEFT = 10;

/** The right end of the axis: everything is left of it. */
export function axisEnd(luck: Pick<Luck, "line95">, best: number | null): number {
  const most = Math.max(luck.line95, best ?? 0, 0.5) * 1.15;
  const unit = 10 ** Math.floor(Math.log10(most));
  return Math.ceil((most / unit) * 4) / 4 * unit;
}

type Line = Pick<Luck, "variants" | "returns" | "expectedBest" | "line95">;

export function LuckBar({ luck, best }: { luck: Line; best: number | null }) {
  const end = axisEnd(luck, best);
  const start = Math.min(0, best ?? 0);
  const at = (value: number) => LEFT + ((value - start) / (end - start)) * (WIDTH - 2 * LEFT);
  const label = `${count(luck.variants)} variants without skill over ${count(luck.returns)} days: the best is expected to show ${decimal(luck.expectedBest, 2)}, and stays below ${decimal(luck.line95, 2)} 95 times in 100${best === null ? "" : `; the best here has ${decimal(best, 2)}`}`;
  return (
    <figure>
      <div class="luck">
        <svg viewBox={`0 0 ${WIDTH} 78`} preserveAspectRatio="xMinYMid meet" role="img" aria-label={label}>
          <rect x={at(start)} y="28" width={at(luck.expectedBest) - at(start)} height="12" rx="3" fill="var(--line-strong)" />
          <rect x={at(luck.expectedBest)} y="28" width={at(luck.line95) - at(luck.expectedBest)} height="12" fill="var(--line)" />
          <rect x={at(luck.line95)} y="28" width={at(end) - at(luck.line95)} height="12" rx="3" fill="var(--accent-soft)" />
          <path d={`M${at(luck.expectedBest)} 24V44`} stroke="var(--muted)" stroke-width="2" stroke-dasharray="3 2" />
          <path d={`M${at(luck.line95)} 24V44`} stroke="var(--text)" stroke-width="2" />
          <g font-size="11" fill="var(--muted)">
            <text x={at(luck.expectedBest)} y="58" text-anchor="end">
              luck's expected best {decimal(luck.expectedBest, 2)}
            </text>
            <text x={at(luck.line95)} y="73" text-anchor="end">
              95 % line {decimal(luck.line95, 2)}
            </text>
          </g>
          {best !== null && (
            <>
              <circle cx={at(best)} cy="34" r="6.5" fill="var(--accent)" stroke="var(--surface)" stroke-width="2" />
              <text x={at(best)} y="17" font-size="12.5" font-weight="600" fill="var(--text)" text-anchor={at(best) > WIDTH - 60 ? "end" : at(best) < 60 ? "start" : "middle"}>
                the best here {decimal(best, 2)}
              </text>
            </>
          )}
        </svg>
      </div>
      <figcaption class="muted">
        Annual Sharpe ratio that the best of {count(luck.variants)} variants without skill shows over {count(luck.returns)} days.
      </figcaption>
    </figure>
  );
}
