// Where a bundle stands, live: events, and polls with an ETag where those do not get through.
import { useEffect, useRef } from "preact/hooks";

import { apiKey } from "../api/key";
import { paths } from "../api/paths";
import type { Status } from "../api/shapes";
import { followEvents } from "./events";
import { putResource, refresh, useResource, type Known } from "./resource";

const FINAL = new Set(["Completed", "Failed", "Cancelled"]);
/** Seconds between polls beside a stream that works: only to find out that it does not. */
const BESIDE_STREAM_S = 30;

/** Whether nothing will change any more. */
export function final(status: Pick<Status, "status">): boolean {
  return FINAL.has(status.status);
}

/** The live status of a bundle. */
export function useStatus(bundle: string): Known<Status> {
  const path = paths.status(bundle);
  const streaming = useRef(false);
  const known = useResource<Status>(path, (status, retryAfter) => {
    if (final(status)) return null;
    return streaming.current ? BESIDE_STREAM_S : (retryAfter ?? 1);
  });
  const moves = known.data !== undefined && !final(known.data);
  // A browser sends no key with an event stream.
  const streams = apiKey.value === null;
  useEffect(() => {
    if (!streams || !moves) return undefined;
    return followEvents(paths.events(bundle), {
      status: (status) => {
        streaming.current = true;
        putResource(path, status);
      },
      lost: () => {
        if (!streaming.current) return;
        streaming.current = false;
        // Whether the server is away, or only the stream, is known by asking.
        refresh(path);
      },
    });
  }, [bundle, streams, moves]);
  return known;
}
