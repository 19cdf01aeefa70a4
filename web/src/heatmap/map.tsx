// One map: its canvas, the mouse, and the keys.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { theme, token } from "../ui/theme";
import type { Grid } from "./cells";
import type { View } from "./dimensions";
import { hit, layoutOf, step } from "./layout";
import { paint, type Dress } from "./paint";

/** A place on a map. */
export interface Place {
  column: number;
  row: number;
}

interface MapProps {
  grid: Grid;
  view: View;
  domain: readonly [number, number] | null;
  line: number | null;
  write: (value: number) => string;
  short: (value: number) => string;
  selected: Place | null;
  /** What the reader points at; null when the pointer leaves. */
  point(place: Place | null): void;
  select(place: Place): void;
  open(place: Place): void;
  pick(place: Place): void;
  label: string;
}

const FONT = 'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
let measure: CanvasRenderingContext2D | null = null;

function widest(labels: readonly string[]): number {
  measure ??= document.createElement("canvas").getContext("2d");
  if (!measure) return 40;
  measure.font = `11.5px ${FONT}`;
  return Math.ceil(labels.reduce((most, label) => Math.max(most, measure?.measureText(label).width ?? 0), 0));
}

export function HeatMap(props: MapProps) {
  const { grid, view, domain, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  const rowLabels = view.y?.values ?? [];
  const layout = layoutOf(grid.columns, grid.rows, Math.max(120, width), widest(rowLabels), widest(view.x.values));
  const mode = theme.value;
  useEffect(() => {
    if (!canvas.current || width === 0) return;
    paint(canvas.current, grid, layout, dressOf(props));
  }, [grid, width, mode, domain?.[0], domain?.[1], props.line, selected?.column, selected?.row]);

  const at = (event: MouseEvent): Place | null => {
    const bounds = canvas.current?.getBoundingClientRect();
    return bounds ? hit(layout, event.clientX - bounds.left, event.clientY - bounds.top) : null;
  };
  const press = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const from = selected ?? { column: 0, row: 0 };
    const next = selected === null && event.key.startsWith("Arrow") ? from : step(layout, from, event.key);
    if (next) props.select(next);
    else if (event.key === "Enter" && selected) props.open(selected);
    else if (event.key === "c" && selected) props.pick(selected);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="map">
      {grid.title !== "" && <h3>{grid.title}</h3>}
      {view.y && <h3 class="y-name">{view.y.label} ↓</h3>}
      <div
        ref={box}
        class="canvas"
        role="application"
        aria-roledescription="heat-map"
        aria-label={props.label}
        aria-describedby="cell-readout"
        tabIndex={0}
        onKeyDown={press}
        onMouseMove={(event) => props.point(at(event))}
        onMouseLeave={() => props.point(null)}
        onClick={(event) => {
          const place = at(event);
          if (place) props.open(place);
        }}
      >
        <canvas ref={canvas} />
      </div>
    </div>
  );
}

function dressOf(props: MapProps): Dress {
  return {
    columnLabels: props.view.x.values,
    rowLabels: props.view.y?.values ?? [],
    xName: `${props.view.x.label} →`,
    domain: props.domain,
    line: props.line,
    selected: props.selected,
    write: props.write,
    short: props.short,
    font: FONT,
    colours: {
      text: token("text"),
      muted: token("muted"),
      line: token("line"),
      strong: token("line-strong"),
      sunken: token("sunken"),
      surface: token("surface"),
      running: token("running"),
      failed: token("failed"),
      accent: token("accent"),
    },
  };
}

