// The lines of luck of a bundle. The estimate of its stored request says them: it stores nothing.
import { useEffect, useState } from "preact/hooks";

import { asApiError, post, type ApiError } from "../api/client";
import { paths } from "../api/paths";
import type { Bundle, Estimate, Luck } from "../api/shapes";

const asked = new Map<string, Promise<readonly Luck[]>>();

function ask(bundle: Bundle): Promise<readonly Luck[]> {
  const id = bundle.bundleRequestId;
  const found = asked.get(id);
  if (found) return found;
  const answer = post<Estimate>(paths.estimate, bundle.request).then((estimate) => estimate?.luckBar ?? []);
  asked.set(id, answer);
  answer.catch(() => asked.delete(id));
  return answer;
}

/** The luck lines of each date range; undefined until they are known. */
export function useLuck(bundle: Bundle | undefined): { luck: readonly Luck[] | undefined; error: ApiError | null } {
  const [state, setState] = useState<{ luck: readonly Luck[] | undefined; error: ApiError | null }>({ luck: undefined, error: null });
  const id = bundle?.bundleRequestId;
  useEffect(() => {
    if (!bundle) return undefined;
    let gone = false;
    ask(bundle).then(
      (luck) => !gone && setState({ luck, error: null }),
      (error: unknown) => !gone && setState({ luck: undefined, error: asApiError(error) }),
    );
    return () => {
      gone = true;
    };
  }, [id]);
  return state;
}

/** The strictest line of all ranges: what the best of the bundle must pass. */
export function strictest(luck: readonly Luck[]): Luck | null {
  return luck.reduce<Luck | null>((most, each) => (most === null || each.line95 > most.line95 ? each : most), null);
}
