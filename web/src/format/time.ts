// Times for people, always UTC, and lengths of time.
import { NONE } from "./number";

/** `2025-01-08 14:05` of an RFC 3339 time or of milliseconds. */
export function minute(time: string | number | null | undefined): string {
  const iso = isoOf(time);
  return iso === null ? NONE : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}

/** `2025-01-08 14:05:09`. */
export function second(time: string | number | null | undefined): string {
  const iso = isoOf(time);
  return iso === null ? NONE : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** `2025-01-08`. */
export function day(time: string | number | null | undefined): string {
  return isoOf(time)?.slice(0, 10) ?? NONE;
}

/** `2025-01-08 … 2025-02-03`; the end is exclusive and stays as it was written. */
export function range(start: string, end: string): string {
  return `${day(start)} … ${day(end)}`;
}

function isoOf(time: string | number | null | undefined): string | null {
  if (time === null || time === undefined) return null;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

const STEPS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
] as const;

/** A length of time by its two largest parts: `2 h 5 min`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  if (seconds < 1) return seconds <= 0 ? "0 s" : `${Math.max(1, Math.round(seconds * 1000))} ms`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [size, word] of STEPS) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${word}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** How long ago: `14 s ago`. */
export function ago(time: string | number | null | undefined, now: number): string {
  if (time === null || time === undefined) return NONE;
  const seconds = (now - new Date(time).getTime()) / 1000;
  if (Number.isNaN(seconds)) return NONE;
  return seconds < 1 ? "just now" : `${shortest(seconds)} ago`;
}

/** A length of time by its largest part. */
export function shortest(seconds: number): string {
  for (const [size, word] of STEPS) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${word}`;
  }
  return "0 s";
}
