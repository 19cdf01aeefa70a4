// A part of a chart in the address: `2021-01-01T00:00:00Z..2021-03-01T00:00:00Z`, or `10..250` where
// places are numbers of days.

/** The two ends of a part; times in milliseconds. Null for a text that is none. */
export function rangeOf(text: string): readonly [number, number] | null {
  const ends = text.split("..").map((end) => (/^\d+$/.test(end) ? Number(end) : Date.parse(end)));
  const [from, to] = ends;
  return ends.length === 2 && from !== undefined && to !== undefined && from < to ? [from, to] : null;
}

/** The same as text; `time` says whether the ends are milliseconds. */
export function rangeText([from, to]: readonly [number, number], time = true): string {
  if (!time) return `${Math.floor(from)}..${Math.ceil(to)}`;
  const end = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
  return `${end(Math.floor(from / 1000) * 1000)}..${end(Math.ceil(to / 1000) * 1000)}`;
}
