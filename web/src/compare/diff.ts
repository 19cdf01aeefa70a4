// What differs between jobs: settings by path, and the first trade that is not the same.
import type { Json, Trade } from "../api/shapes";

/** One setting of several jobs; `values` in the order of the jobs, undefined where it is absent. */
export interface Difference {
  path: string;
  values: readonly (string | undefined)[];
}

/** The leaves of a JSON value by their paths: `moneyManagement.stop.pct`, `exits.0`. */
export function leaves(value: Json, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (each: Json, at: string) => {
    if (each !== null && typeof each === "object") {
      const entries = Object.entries(each);
      if (entries.length === 0) found.set(at, Array.isArray(each) ? "[]" : "{}");
      for (const [key, child] of entries) walk(child, at === "" ? key : `${at}.${key}`);
    } else {
      found.set(at, typeof each === "string" ? each : JSON.stringify(each));
    }
  };
  walk(value, path);
  return found;
}

/** The settings that are not the same in all, by path. */
export function differences(configs: readonly Json[]): Difference[] {
  const all = configs.map((config) => leaves(config));
  const names = [...new Set(all.flatMap((each) => [...each.keys()]))].sort();
  return names
    .map((path) => ({ path, values: all.map((each) => each.get(path)) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

/** Where two runs part: the number of the first trade that differs, and how. */
export interface Divergence {
  index: number;
  /** The trades there; undefined where one of the runs had no more. */
  a: Trade | undefined;
  b: Trade | undefined;
  fields: readonly string[];
}

const FIELDS = ["side", "entryTime", "entryPrice", "exitTime", "exitPrice", "quantity", "fees", "pnl", "exitReason"] as const;

const WORDS: Record<string, string> = { pnl: "result" };

/** A field of a trade in words: `exitTime` is `exit time`. */
export function fieldWord(field: string): string {
  return WORDS[field] ?? field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The first trade in which `a` and `b` differ; null where they have the same trades. */
export function firstDivergence(a: readonly Trade[], b: readonly Trade[]): Divergence | null {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const [left, right] = [a[index], b[index]];
    if (!left || !right) return { index, a: left, b: right, fields: [] };
    const fields = FIELDS.filter((field) => left[field] !== right[field]);
    if (fields.length > 0) return { index, a: left, b: right, fields };
  }
  return null;
}
