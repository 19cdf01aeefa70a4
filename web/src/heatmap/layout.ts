// Where the cells of a map are: pure geometry, in CSS pixels.

/** Measures of one map. */
export interface Layout {
  width: number;
  height: number;
  /** Left edge of the first column and top edge of the first row. */
  left: number;
  top: number;
  cellWidth: number;
  cellHeight: number;
  columns: number;
  rows: number;
  /** A label stands at each so many columns or rows. */
  columnStep: number;
  rowStep: number;
}

const LEAST_WIDTH = 7;
const LEAST_HEIGHT = 5;
/** About the height of a map with many rows. */
const MANY_ROWS_HEIGHT = 760;
const MOST_WIDTH = 112;
const MOST_HEIGHT = 34;
const LABEL_HEIGHT = 15;
/** Room under the cells for the labels of the columns and the name of the edge. */
const FOOT = 40;
const GAP = 8;

/**
 * Fits `columns` by `rows` cells into `width`.
 *
 * `rowLabel` and `columnLabel` are the widths of the longest labels. Cells never get narrower than
 * can be hit; the map then is wider than `width` and its box scrolls.
 */
export function layoutOf(columns: number, rows: number, width: number, rowLabel: number, columnLabel: number): Layout {
  const left = rows > 1 || rowLabel > 0 ? Math.min(rowLabel, width * 0.4) + GAP : 0;
  const cellWidth = Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, Math.floor((width - left - 1) / columns)));
  const cellHeight = Math.round(Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, Math.max(10, cellWidth * 0.72), MANY_ROWS_HEIGHT / rows)));
  // A label is higher than a low row.
  const top = Math.max(0, Math.ceil((LABEL_HEIGHT - cellHeight) / 2));
  return {
    width: Math.ceil(Math.max(left + cellWidth * columns + 1, Math.min(width, left + columnLabel))),
    height: top + cellHeight * rows + FOOT,
    left,
    top,
    cellWidth,
    cellHeight,
    columns,
    rows,
    columnStep: Math.max(1, Math.ceil((columnLabel + GAP) / cellWidth)),
    rowStep: Math.max(1, Math.ceil(LABEL_HEIGHT / cellHeight)),
  };
}

/** The column and row at a place; null outside of the cells. */
export function hit(layout: Layout, x: number, y: number): { column: number; row: number } | null {
  const column = Math.floor((x - layout.left) / layout.cellWidth);
  const row = Math.floor((y - layout.top) / layout.cellHeight);
  if (column < 0 || row < 0 || column >= layout.columns || row >= layout.rows) return null;
  return { column, row };
}

/** The place that a key goes to from `place`; null for a key that does not move. */
export function step(layout: Pick<Layout, "columns" | "rows">, place: { column: number; row: number }, key: string) {
  const within = (value: number, most: number) => Math.max(0, Math.min(most - 1, value));
  const { column, row } = place;
  switch (key) {
    case "ArrowLeft":
      return { column: within(column - 1, layout.columns), row };
    case "ArrowRight":
      return { column: within(column + 1, layout.columns), row };
    case "ArrowUp":
      return { column, row: within(row - 1, layout.rows) };
    case "ArrowDown":
      return { column, row: within(row + 1, layout.rows) };
    case "Home":
      return { column: 0, row };
    case "End":
      return { column: layout.columns - 1, row };
    default:
      return null;
  }
}
