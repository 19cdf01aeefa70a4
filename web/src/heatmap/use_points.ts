// The points of a bundle, read again while it moves.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { asApiError, type ApiError } from "../api/client";
import { JobSource } from "./source";

const LEAST_PAUSE_MS = 1_200;

/** The jobs of a bundle as far as they are read. */
export interface Points {
  source: JobSource;
  /** How often it was read; 0 before the first time. */
  reads: number;
  error: ApiError | null;
}

/** Reads the jobs of `bundle` now and whenever `version` has changed, at most about once a second. */
export function usePoints(bundle: string, version: number | undefined): Points {
  const source = useMemo(() => new JobSource(bundle), [bundle]);
  const [state, setState] = useState<Omit<Points, "source">>({ reads: 0, error: null });
  const last = useRef(0);
  useEffect(() => {
    if (version === undefined) return undefined;
    let gone = false;
    const wait = Math.max(0, last.current + LEAST_PAUSE_MS - Date.now());
    const timer = setTimeout(() => {
      last.current = Date.now();
      source
        .update(() => !gone && setState((before) => ({ reads: before.reads + 1, error: null })))
        .catch((error: unknown) => !gone && setState((before) => ({ ...before, error: asApiError(error) })));
    }, wait);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [source, version]);
  return { source, ...state };
}
