// The lines of luck of a bundle, as the server draws them for its stored request.
import type { Luck } from "../api/shapes";

/** The strictest line of all ranges: what the best of the bundle must pass. */
export function strictest(luck: readonly Luck[]): Luck | null {
  return luck.reduce<Luck | null>((most, each) => (most === null || each.line95 > most.line95 ? each : most), null);
}
