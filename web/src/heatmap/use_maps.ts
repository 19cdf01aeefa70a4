// The maps of a bundle, gathered by the server and asked for again while the bundle moves.
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { asApiError, query, read, type ApiError } from "../api/client";
import { paths } from "../api/paths";
import type { HeatMap } from "../api/shapes";
import { backOff } from "../live/resource";
import { gridsOf, type Gather, type Grid } from "./cells";
import type { View } from "./dimensions";

const LEAST_PAUSE_MS = 1_000;

/** What is asked for. */
export interface Asked {
  view: View;
  metric: string;
  gather: Gather;
}

/** The maps that are known, with the question that they answer. */
export interface Maps {
  /** Null before the first answer. */
  known: (Asked & { maps: readonly Grid[]; version: number }) | null;
  error: ApiError | null;
}

/** Where the maps of `bundle` are. */
export function mapsPath(bundle: string, { view, metric, gather }: Asked): string {
  const facet = view.facets.map((dimension) => dimension.name);
  return `${paths.heatmap(bundle)}${query({ x: view.x.name, y: view.y?.name, facet, metric, agg: gather, format: "columns" })}`;
}

/**
 * Reads the maps now, when the question changes, and while the bundle is newer than they are; at most
 * about once a second. Until the answer is there the maps before it stay.
 */
export function useMaps(bundle: string, asked: Asked | null, version: number): Maps {
  const [state, setState] = useState<Maps>({ known: null, error: null });
  const [tries, tryAgain] = useState(0);
  const last = useRef({ path: "", at: 0, failures: 0 });
  const path = asked === null ? null : mapsPath(bundle, asked);
  const isCurrent = state.known !== null && last.current.path === path && state.known.version >= version;
  useLayoutEffect(() => {
    if (asked === null || path === null || isCurrent) return undefined;
    const abort = new AbortController();
    const { at, failures } = last.current;
    const rest = failures > 0 ? backOff(failures) * 1_000 : LEAST_PAUSE_MS;
    const pause = last.current.path === path ? Math.max(0, at + rest - Date.now()) : 0;
    const timer = setTimeout(() => {
      last.current = { path, at: Date.now(), failures: last.current.path === path ? failures : 0 };
      read<HeatMap>(path, abort.signal)
        .then((answer) => {
          last.current.failures = 0;
          setState({ known: { ...asked, maps: gridsOf(answer, asked.view), version: answer.version }, error: null });
        })
        .catch((error: unknown) => {
          if (abort.signal.aborted) return;
          last.current.failures += 1;
          setState((before) => ({ ...before, error: asApiError(error) }));
        })
        .finally(() => {
          if (!abort.signal.aborted) tryAgain((times) => times + 1);
        });
    }, pause);
    // An answer on its way is still worth having when only the version moved on.
    return () => {
      clearTimeout(timer);
      if (last.current.path !== path) abort.abort();
    };
  }, [path, version, tries]);
  return state;
}
