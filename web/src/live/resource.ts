// Resources: a path of the API that is read, kept, polled and shared by all views that show it.
//
// Invariants: one request a path at a time; data that was read stays shown while later reads fail;
// nothing is polled while the page is hidden or nobody looks.
import { signal, type Signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

import { asApiError, get, type ApiError } from "../api/client";

/** What is known of a resource. */
export interface Known<T> {
  data: T | undefined;
  /** Why the last read failed; null after one that succeeded. */
  error: ApiError | null;
  /** When `data` was last confirmed, milliseconds since the epoch; 0 before the first time. */
  confirmedAt: number;
}

/** Says in how many seconds to read again; null for never. */
export type Every<T> = (data: T, retryAfter: number | null) => number | null;

const RETRY_FIRST_S = 1;
const RETRY_MOST_S = 20;
/** How long a resource that nobody looks at is kept. */
const KEEP_MS = 60_000;
const NOTHING: Known<never> = { data: undefined, error: null, confirmedAt: 0 };

class Entry<T> {
  readonly known: Signal<Known<T>> = signal<Known<T>>(NOTHING);
  watchers = 0;
  private every: Every<T> = () => null;
  private etag: string | null = null;
  private failures = 0;
  private busy = false;
  /** Asked for before anyone looked: the first who looks takes what came of it. */
  private expected = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly path: string) {}

  watch(every: Every<T>): () => void {
    this.every = every;
    this.watchers += 1;
    clearTimeout(this.timer);
    const { data, error } = this.known.peek();
    if (this.expected && !this.busy && error === null && data !== undefined) {
      const wait = every(data, null);
      if (wait !== null) this.schedule(wait);
    } else {
      void this.load();
    }
    this.expected = false;
    return () => {
      this.watchers -= 1;
      if (this.watchers === 0) this.forget();
    };
  }

  /** Asks ahead of whoever will look; answers what is known then. */
  async expect(): Promise<T | undefined> {
    this.expected = true;
    await this.load();
    if (this.watchers === 0) this.forget();
    return this.known.peek().data;
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => entries.delete(this.path), KEEP_MS);
  }

  /** Takes what another channel says, such as an event stream. */
  put(data: T): void {
    this.failures = 0;
    this.known.value = { data, error: null, confirmedAt: Date.now() };
  }

  async load(): Promise<void> {
    if (this.busy) return;
    clearTimeout(this.timer);
    this.busy = true;
    let wait: number | null;
    try {
      const before = this.known.peek();
      const answer = await get<T>(this.path, before.data === undefined ? null : this.etag);
      this.etag = answer.etag;
      const data = answer.body ?? before.data;
      if (data === undefined) throw new Error("the answer is empty");
      this.put(data);
      wait = this.every(data, answer.retryAfter);
    } catch (thrown) {
      const error = asApiError(thrown);
      this.failures += 1;
      this.known.value = { ...this.known.peek(), error };
      wait = error.passing || this.known.peek().data !== undefined ? backOff(this.failures) : null;
    }
    this.busy = false;
    if (this.watchers > 0 && wait !== null) this.schedule(wait);
  }

  private schedule(seconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!document.hidden) return void this.load();
      document.addEventListener("visibilitychange", () => void this.load(), { once: true });
    }, seconds * 1000);
  }
}

/** Seconds before the next try after `failures` in a row: doubled each time, with jitter. */
export function backOff(failures: number, random: () => number = Math.random): number {
  const most = Math.min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** Math.min(failures - 1, 10));
  return most * (0.75 + random() / 2);
}

const entries = new Map<string, Entry<unknown>>();

/** The one entry of `path`. */
function entryOf<T>(path: string): Entry<T> {
  const found = entries.get(path) as Entry<T> | undefined;
  if (found) return found;
  const entry = new Entry<T>(path);
  entries.set(path, entry as Entry<unknown>);
  return entry;
}

/** Reads `path` now, for a view that is about to look at it. */
export function expectResource<T>(path: string): Promise<T | undefined> {
  return entryOf<T>(path).expect();
}

/** Reads every resource under `prefix` that is looked at again, for example after a cancel. */
export function refresh(prefix: string): void {
  for (const entry of entries.values()) {
    if (entry.watchers > 0 && entry.path.startsWith(prefix)) void entry.load();
  }
}

/** Gives `path` what another channel knows of it. */
export function putResource<T>(path: string, data: T): void {
  entryOf<T>(path).put(data);
}

/** Once read, never again. */
export const once: Every<unknown> = () => null;

/** Read again each `seconds`. */
export function each(seconds: number): Every<unknown> {
  return () => seconds;
}

/** What is known of `path`, read now and as often as `every` says; null reads nothing. */
export function useResource<T>(path: string | null, every: Every<T>): Known<T> {
  // Asked before the browser paints: an effect would wait for the frame.
  useLayoutEffect(() => (path === null ? undefined : entryOf<T>(path).watch(every)), [path]);
  return path === null ? (NOTHING as Known<T>) : entryOf<T>(path).known.value;
}
