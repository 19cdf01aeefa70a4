// Tables: a head that stays, virtual rows, a cursor for the keyboard, more rows when the end is near.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";

import { useKeys, type Keys } from "../live/keys";
import { navigate } from "../routing/location";

/** One column. */
export interface Column<Row> {
  key: string;
  title: ComponentChildren;
  /** What the title means, said by a tooltip. */
  about?: string;
  right?: boolean;
  class?: string;
  /** The `sort` value that puts the greatest first, where the server can sort by it. */
  sort?: string;
  cell(row: Row): ComponentChildren;
}

interface TableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey(row: Row): string;
  /** Where Enter on a row goes. */
  href?(row: Row): string;
  /** More keys that act on the row under the cursor. */
  keys?: Record<string, (row: Row) => void>;
  /** `id` or `-id`, as the API writes it. */
  sort?: string;
  onSort?(sort: string): void;
  /** Asked when the end is near and `more` is set. */
  more?: (() => void) | undefined;
  /** A height of its own with virtual rows; else the table is as high as its rows. */
  tall?: boolean;
}

const ROW_HEIGHT = 34;
/** Rows from the end at which more are asked for. */
const NEAR = 30;

export function Table<Row>(props: TableProps<Row>) {
  const { columns, rows, tall } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState(-1);
  const { items, before, after, scrollTo } = useVirtual(scroller, rows.length, tall ?? false);
  const last = items[items.length - 1] ?? -1;
  useEffect(() => {
    if (props.more && last >= rows.length - NEAR) props.more();
  }, [last, rows.length, props.more]);

  const move = (step: number) => () => {
    if (rows.length === 0) return false;
    const next = Math.max(0, Math.min(rows.length - 1, cursor + step));
    setCursor(next);
    scrollTo(next);
    return true;
  };
  const current = rows[cursor];
  const keys: Keys = { j: move(1), k: move(-1) };
  if (props.href) {
    keys["Enter"] = () => {
      if (current === undefined) return false;
      navigate(props.href!(current));
      return true;
    };
  }
  for (const [key, act] of Object.entries(props.keys ?? {})) {
    keys[key] = () => (current === undefined ? false : act(current));
  }
  useKeys(keys);

  return (
    <div class={tall ? "scroller tall" : "scroller"} ref={scroller} tabIndex={0} role="region" aria-label={props.label}>
      <table class="table" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.key} column={column} sort={props.sort} onSort={props.onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer height={before} columns={columns.length} />
          {items.map((index) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <tr key={props.rowKey(row)} class={index === cursor ? "cursor" : undefined} aria-rowindex={index + 2} onClick={() => setCursor(index)}>
                {columns.map((column) => (
                  <td key={column.key} class={`${column.class ?? ""}${column.right ? " right" : ""}`}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          <Spacer height={after} columns={columns.length} />
        </tbody>
      </table>
    </div>
  );
}

function HeadCell<Row>(props: { column: Column<Row>; sort: string | undefined; onSort: ((sort: string) => void) | undefined }) {
  const { column, sort, onSort } = props;
  const direction = sort === column.sort ? "ascending" : sort === `-${column.sort}` ? "descending" : undefined;
  const sortable = column.sort !== undefined && onSort !== undefined;
  const next = direction === "descending" ? column.sort : `-${column.sort}`;
  return (
    <th
      scope="col"
      class={`${column.class ?? ""}${column.right ? " right" : ""}`}
      title={column.about}
      aria-sort={column.sort !== undefined ? direction : undefined}
    >
      {sortable ? (
        <button type="button" class="sort" onClick={() => onSort(next ?? "")}>
          {column.title}
          <span aria-hidden="true">{direction === "ascending" ? "↑" : direction === "descending" ? "↓" : ""}</span>
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}

/** Which rows to draw, and the height of those before and after them. */
function useVirtual(scroller: { current: HTMLDivElement | null }, rows: number, virtual: boolean) {
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const virtualizer = useMemo(
    () =>
      new Virtualizer<HTMLDivElement, Element>({
        count: rows,
        getScrollElement: () => scroller.current,
        estimateSize: () => ROW_HEIGHT,
        overscan: 12,
        observeElementRect,
        observeElementOffset,
        scrollToFn: elementScroll,
        onChange: () => redraw(null),
        initialRect: { width: 0, height: 900 },
        scrollPaddingStart: ROW_HEIGHT,
      }),
    [],
  );
  virtualizer.setOptions({ ...virtualizer.options, count: rows });
  useEffect(() => (virtual ? virtualizer._didMount() : undefined), [virtual]);
  useEffect(() => {
    if (virtual) virtualizer._willUpdate();
  });
  const scrollTo = (index: number) => {
    if (virtual) virtualizer.scrollToIndex(index);
    else scroller.current?.querySelectorAll("tbody tr")[index]?.scrollIntoView({ block: "nearest" });
  };
  if (!virtual) return { items: Array.from({ length: rows }, (_, index) => index), before: 0, after: 0, scrollTo };
  const drawn = virtualizer.getVirtualItems();
  const first = drawn[0];
  const last = drawn[drawn.length - 1];
  return {
    items: drawn.map((item) => item.index),
    before: first?.start ?? 0,
    after: virtualizer.getTotalSize() - (last?.end ?? 0),
    scrollTo,
  };
}
