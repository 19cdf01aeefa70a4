// Keyset pages as one growing list: the next page is read when the end comes near.
import { signal, type Signal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";

import { asApiError, read, type ApiError } from "../api/client";

/** A page of the API. */
export interface Page<T> {
  items: T[];
  next?: string | null;
}

/** The pages read so far. */
export interface Pages<T> {
  items: readonly T[];
  /** Whether the first page is there. */
  ready: boolean;
  loading: boolean;
  error: ApiError | null;
  /** When the first page was last read. */
  readAt: number;
  /** Reads the next page; undefined on the last one or while one is read. */
  more: (() => void) | undefined;
  /** Reads the pages anew, as many as there are now, at most one of them per call. */
  reload: () => void;
}

class PageList<T> {
  readonly state: Signal<Omit<Pages<T>, "more" | "reload"> & { next: string | null }> = signal({
    items: [],
    ready: false,
    loading: false,
    error: null,
    readAt: 0,
    next: null,
  });
  private readonly abort = new AbortController();

  constructor(
    private readonly path: string,
    private readonly key: (item: T) => string,
  ) {}

  close = (): void => this.abort.abort();

  first = (): Promise<void> => this.page(null);

  next = (): void => void this.page(this.state.peek().next);

  private async page(cursor: string | null): Promise<void> {
    const before = this.state.peek();
    if (before.loading) return;
    this.state.value = { ...before, loading: true };
    const joint = this.path.includes("?") ? "&" : "?";
    const path = cursor === null ? this.path : `${this.path}${joint}cursor=${encodeURIComponent(cursor)}`;
    try {
      const page = await read<Page<T>>(path, this.abort.signal);
      const old = this.state.peek();
      const whole = cursor === null && old.items.length <= page.items.length;
      this.state.value = {
        items: cursor === null && !whole ? join(page.items, old.items, this.key) : cursor === null ? page.items : join(old.items, page.items, this.key),
        next: cursor === null && !whole ? old.next : (page.next ?? null),
        ready: true,
        loading: false,
        error: null,
        readAt: cursor === null ? Date.now() : old.readAt,
      };
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.state.value = { ...this.state.peek(), loading: false, error: asApiError(error) };
    }
  }
}

/** `first` and then those of `rest` that are not in it. */
export function join<T>(first: readonly T[], rest: readonly T[], key: (item: T) => string): readonly T[] {
  const seen = new Set(first.map(key));
  return [...first, ...rest.filter((item) => !seen.has(key(item)))];
}

/** The pages at `path`, a path without a cursor. Another path starts anew. */
export function usePages<T>(path: string, key: (item: T) => string): Pages<T> {
  const list = useMemo(() => new PageList<T>(path, key), [path]);
  useLayoutEffect(() => {
    void list.first();
    return list.close;
  }, [list]);
  const state = list.state.value;
  return {
    ...state,
    more: state.next !== null && !state.loading && state.error === null ? list.next : undefined,
    reload: () => void list.first(),
  };
}
