// The bundle request that the form writes: a JSON document, edited by path, never a second model.
import type { Json, JsonObject, Series, Signal } from "../api/shapes";

export type Path = readonly (string | number)[];

/** The value at `path`; undefined where there is none. */
export function at(document: Json | undefined, path: Path): Json | undefined {
  let value: Json | undefined = document;
  for (const step of path) {
    if (value === null || value === undefined || typeof value !== "object") return undefined;
    value = (value as Record<string | number, Json>)[step];
  }
  return value;
}

/** A copy of `document` with `value` at `path`; undefined takes the name out. Parents are made. */
export function put(document: Json | undefined, path: Path, value: Json | undefined): Json {
  const [step, ...rest] = path;
  if (step === undefined) return value ?? null;
  if (typeof step === "number" || Array.isArray(document)) {
    const list = Array.isArray(document) ? [...document] : [];
    if (rest.length === 0 && value === undefined) list.splice(Number(step), 1);
    else list[Number(step)] = put(list[Number(step)], rest, value);
    return list;
  }
  const object: JsonObject = isObject(document) ? { ...document } : {};
  if (rest.length === 0 && value === undefined) delete object[step];
  else object[step] = put(object[step], rest, value);
  return object;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A swept parameter: both ends are included. */
export interface Sweep {
  from: number;
  to: number;
  step: number;
}

/** The sweep at `parameterVariants.NAME`, where it is written as one. */
export function sweepOf(document: JsonObject, name: string): Sweep | null {
  const found = at(document, ["parameterVariants", name]);
  if (!isObject(found)) return null;
  const { from, to, step } = found;
  return typeof from === "number" && typeof to === "number" && typeof step === "number" ? { from, to, step } : null;
}

/** A signal of a scenario: its name and what was set of its arguments. */
export interface Entry {
  name: string;
  args: JsonObject;
}

/** The signals of a scenario; null where the strategy is not one. */
export function scenarioOf(document: JsonObject): Entry[] | null {
  const list = at(document, ["universalConfig", "strategy", "scenario"]);
  if (!Array.isArray(list)) return null;
  return list.flatMap((each): Entry[] => {
    if (typeof each === "string") return [{ name: each, args: {} }];
    if (!isObject(each)) return [];
    const [name, args] = Object.entries(each)[0] ?? [];
    return name === undefined ? [] : [{ name, args: isObject(args) ? args : {} }];
  });
}

/** Writes a scenario; signals without arguments are only named. */
export function withScenario(document: JsonObject, entries: readonly Entry[]): JsonObject {
  const list = entries.map((entry): Json => (Object.keys(entry.args).length === 0 ? entry.name : { [entry.name]: entry.args }));
  return put(document, ["universalConfig", "strategy", "scenario"], list) as JsonObject;
}

/** The parameter that an argument refers to: `"$fast"` or `{"$": "fast"}`. */
export function reference(value: Json | undefined): string | null {
  if (typeof value === "string" && value.startsWith("$")) return value.slice(1);
  if (isObject(value) && typeof value["$"] === "string") return value["$"];
  return null;
}

/** A name for the parameter of an argument that no other argument has. */
export function freeName(document: JsonObject, wanted: string): string {
  const taken = at(document, ["universalConfig", "strategy", "params"]);
  const names = isObject(taken) ? taken : {};
  if (!(wanted in names)) return wanted;
  for (let number = 2; ; number += 1) {
    if (!(`${wanted}${number}` in names)) return `${wanted}${number}`;
  }
}

type Parameter = Signal["parameters"][number];

/** A first sweep around the default of an argument. */
export function firstSweep(parameter: Parameter): Sweep {
  const middle = typeof parameter.default === "number" ? parameter.default : (parameter.min ?? 10);
  const least = parameter.min ?? -Infinity;
  const most = parameter.max ?? Infinity;
  if (parameter.kind === "int") {
    const step = Math.max(1, Math.round(middle / 4));
    return { from: Math.max(least, middle - 2 * step), to: Math.min(most, middle + 2 * step), step };
  }
  const step = middle === 0 ? 0.5 : Number((Math.abs(middle) / 4).toPrecision(1));
  return { from: Math.max(least, middle - 2 * step), to: Math.min(most, middle + 2 * step), step };
}

/** Turns argument `name` of signal `index` into a swept parameter. */
export function sweepArgument(document: JsonObject, index: number, parameter: Parameter, sweep: Sweep): JsonObject {
  const entries = scenarioOf(document) ?? [];
  const entry = entries[index];
  if (!entry) return document;
  const known = reference(entry.args[parameter.name]);
  const name = known ?? freeName(document, parameter.name);
  const middle = typeof parameter.default === "number" ? parameter.default : sweep.from;
  const bounds = [Math.min(sweep.from, middle), Math.max(sweep.to, middle), parameter.kind === "int" ? 1 : sweep.step];
  const changed = entries.map((each, place) => (place === index ? { ...each, args: { ...each.args, [parameter.name]: `$${name}` } } : each));
  let next = withScenario(document, changed);
  next = put(next, ["universalConfig", "strategy", "params", name], { [parameter.kind === "int" ? "int" : "float"]: bounds, default: middle }) as JsonObject;
  return put(next, ["parameterVariants", name], { ...sweep }) as JsonObject;
}

/** Sets argument `name` of signal `index` to one value; undefined leaves it to its default. */
export function fixArgument(document: JsonObject, index: number, name: string, value: Json | undefined): JsonObject {
  const entries = scenarioOf(document) ?? [];
  const entry = entries[index];
  if (!entry) return document;
  const args = { ...entry.args };
  const known = reference(args[name]);
  if (value === undefined) delete args[name];
  else args[name] = value;
  const next = withScenario(document, entries.map((each, place) => (place === index ? { ...each, args } : each)));
  return known === null ? next : dropParameter(next, known);
}

/** Takes signal `index` out, with the parameters that only it had. */
export function removeSignal(document: JsonObject, index: number): JsonObject {
  const entries = scenarioOf(document) ?? [];
  const gone = Object.values(entries[index]?.args ?? {}).flatMap((value) => reference(value) ?? []);
  const next = withScenario(document, entries.filter((_, place) => place !== index));
  return gone.reduce(dropParameter, next);
}

/** Forgets a parameter, its variants, and the constraints that name it. */
export function dropParameter(document: JsonObject, name: string): JsonObject {
  let next = put(document, ["universalConfig", "strategy", "params", name], undefined) as JsonObject;
  next = put(next, ["parameterVariants", name], undefined) as JsonObject;
  const constraints = at(next, ["universalConfig", "strategy", "constraints"]);
  if (Array.isArray(constraints)) {
    const word = new RegExp(`(^|[^\\w])${name}([^\\w]|$)`);
    const kept = constraints.filter((each) => typeof each !== "string" || !word.test(each));
    next = put(next, ["universalConfig", "strategy", "constraints"], kept.length > 0 ? kept : undefined) as JsonObject;
  }
  return next;
}

/** Writes an axis: one value is the base's, more are variants. */
export function withAxis(document: JsonObject, base: Path, variants: string, values: readonly Json[]): JsonObject {
  const next = put(document, base, values[0] ?? undefined) as JsonObject;
  return put(next, [variants], values.length > 1 ? [...values] : undefined) as JsonObject;
}

/** The values of an axis, however it is written. */
export function axisOf(document: JsonObject, base: Path, variants: string): Json[] {
  const list = at(document, [variants]);
  if (Array.isArray(list) && list.length > 0) return list;
  const one = at(document, base);
  return one === undefined ? [] : [one];
}

/** A request to begin with: the longest series, a sweep of two averages, two exits. */
export function firstDraft(series: readonly Series[]): JsonObject {
  const length = (each: Series) => Date.parse(each.last) - Date.parse(each.first);
  const longest = [...series].sort((a, b) => length(b) - length(a))[0];
  const day = (time: string) => `${time.slice(0, 10)}T00:00:00Z`;
  return {
    name: "Dual EMA cross",
    universalConfig: {
      exchange: longest?.exchange ?? "binance",
      ticker: longest?.ticker ?? "BTCUSDT",
      timeframe: longest?.timeframe ?? "1h",
      balance: 10_000,
      strategy: {
        scenario: [{ DualEmaCross: { fast: "$fast", slow: "$slow" } }],
        params: { fast: { int: [5, 25, 1], default: 12 }, slow: { int: [26, 110, 1], default: 26 } },
        constraints: ["fast < slow"],
      },
      costs: { feePct: 0.1, slippageBps: 1 },
    },
    dateTimeRanges: [
      longest
        ? { start: day(new Date(Date.parse(longest.first) + 86_399_999).toISOString()), end: day(longest.last) }
        : { start: "2024-01-01T00:00:00Z", end: "2024-07-01T00:00:00Z" },
    ],
    moneyManagementVariants: [
      { stopLossPct: 2, takeProfitPct: 4 },
      { stopLossPct: 5, takeProfitPct: 10 },
    ],
    parameterVariants: { fast: { from: 5, to: 25, step: 5 }, slow: { from: 30, to: 110, step: 10 } },
  };
}
