// The scale under the maps: colours, ends, and the lines of luck.
import { css, viridis } from "./colour";

/** A line on the scale. */
export interface Mark {
  value: number;
  label: string;
}

const WIDTH = 360;
const LEFT = 26;
const LINE = 15;
const BAR_HEIGHT = 11;
/** Room that the longest label takes. */
const LABEL = 150;

/** Where the scale begins and ends, so that every mark is on it. */
export function reach(domain: readonly [number, number], marks: readonly Mark[]): [number, number] {
  const values = [...domain, ...marks.map((mark) => mark.value)];
  return [Math.min(...values), Math.max(...values)];
}

export function Scale({ domain, marks, write }: { domain: readonly [number, number]; marks: readonly Mark[]; write: (value: number) => string }) {
  const [least, most] = reach(domain, marks);
  const length = WIDTH - 2 * LEFT;
  const at = (value: number) => LEFT + (most > least ? ((value - least) / (most - least)) * length : length / 2);
  const [from, to] = most > least ? [at(domain[0]), at(domain[1])] : [LEFT, LEFT + length];
  // The greatest has the highest row: no label crosses the line of another mark.
  const sorted = [...marks].sort((a, b) => b.value - a.value);
  const toLeft = (mark: Mark) => at(mark.value) > LABEL;
  const top = 6 + LINE * sorted.length;
  const words = [`from ${write(domain[0])} to ${write(domain[1])}`, ...sorted.map((mark) => `${mark.label} ${write(mark.value)}`)];
  return (
    <svg viewBox={`0 0 ${WIDTH} ${top + 30}`} width={WIDTH * 1.12} role="img" aria-label={`scale ${words.join(", ")}`} class="scale-bar">
      <defs>
        <linearGradient id="viridis">
          {Array.from({ length: 16 }, (_, index) => (
            <stop key={index} offset={index / 15} stop-color={css(viridis(index / 15))} />
          ))}
        </linearGradient>
      </defs>
      <rect x={LEFT} y={top} width={length} height={BAR_HEIGHT} rx="3" fill="var(--sunken)" stroke="var(--line-strong)" stroke-width="0.75" />
      <rect x={from} y={top} width={Math.max(2, to - from)} height={BAR_HEIGHT} rx="3" fill="url(#viridis)" />
      <g font-size="10.8" fill="var(--muted)" text-anchor="middle">
        <text x={from} y={top + 26}>
          {write(domain[0])}
        </text>
        {to - from > 60 && (
          <text x={to} y={top + 26}>
            {write(domain[1])}
          </text>
        )}
        {sorted.map((mark, index) => (
          <g key={mark.label} fill="var(--text)">
            <path
              d={`M${at(mark.value)} ${LINE * (index + 1) - 10}V${top + BAR_HEIGHT + 4}`}
              stroke="var(--text)"
              stroke-width="1.6"
              stroke-dasharray={index === 1 ? "3 2" : undefined}
            />
            <text x={at(mark.value) + (toLeft(mark) ? -5 : 5)} y={LINE * (index + 1)} text-anchor={toLeft(mark) ? "end" : "start"} paint-order="stroke" stroke="var(--surface)" stroke-width="5">
              {mark.label} {write(mark.value)}
            </text>
          </g>
        ))}
      </g>
    </svg>
  );
}
