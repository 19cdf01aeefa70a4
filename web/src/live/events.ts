// The event stream of one bundle: a snapshot, then deltas, each with the version as its id.
import type { Status } from "../api/shapes";

/** Who listens. */
export interface Listener {
  status(status: Status): void;
  /** The stream is away; the browser tries again by itself unless the server refused. */
  lost(): void;
}

/** Merges one event into what was known; null where the event says nothing new. */
export function merge(before: Status | null, event: unknown): Status | null {
  if (typeof event !== "object" || event === null || Array.isArray(event)) return null;
  const delta = event as Partial<Status>;
  if (before === null) return typeof delta.status === "string" && typeof delta.total === "number" ? (delta as Status) : null;
  if (typeof delta.version === "number" && delta.version < before.version) return null;
  return { ...before, ...delta };
}

/** Follows the events at `path` until the returned function is called. */
export function followEvents(path: string, listener: Listener): () => void {
  const source = new EventSource(path);
  let status: Status | null = null;
  const take = (event: MessageEvent<string>) => {
    let data: unknown;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    const next = merge(status, data);
    if (next === null) return;
    status = next;
    listener.status(next);
  };
  for (const name of ["message", "snapshot", "delta", "status", "end"]) {
    source.addEventListener(name, take as EventListener);
  }
  source.addEventListener("error", () => listener.lost());
  return () => source.close();
}
