// The estimate of a draft, asked for a moment after the last change.
import { useEffect, useState } from "preact/hooks";

import { asApiError, post, type ApiError } from "../api/client";
import { paths } from "../api/paths";
import type { Estimate } from "../api/shapes";

const PAUSE_MS = 400;

/** What the server says of the draft; the last estimate stays while a new one is asked for. */
export interface Estimated {
  estimate: Estimate | null;
  error: ApiError | null;
  asking: boolean;
}

/** Asks for the estimate of `text`; null asks nothing. */
export function useEstimate(text: string | null): Estimated {
  const [state, setState] = useState<Estimated>({ estimate: null, error: null, asking: text !== null });
  useEffect(() => {
    if (text === null) return undefined;
    let gone = false;
    setState((before) => ({ ...before, asking: true }));
    const timer = setTimeout(() => {
      post<Estimate>(paths.estimate, text).then(
        (estimate) => !gone && setState({ estimate: estimate ?? null, error: null, asking: false }),
        (error: unknown) => !gone && setState((before) => ({ ...before, error: asApiError(error), asking: false })),
      );
    }, PAUSE_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [text]);
  return state;
}
