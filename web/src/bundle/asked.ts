// What the table of jobs asks the server for, by the words of the address.
import { query } from "../api/client";
import { paths } from "../api/paths";
import { HEADLINE, METRICS } from "../metrics/metric";

/** Rows of a page. */
export const ROWS = 200;
/** Rows of an answer that has conditions: the server gives those in one piece. */
export const MOST_FILTERED = 2_000;

/** What the rows are asked with, apart from pages. */
export interface Asked {
  status: string;
  where: string;
  sort: string;
  errorCode: string;
  axes: Record<string, string>;
}

/** The path of the rows; conditions are only known to the results. */
export function rowsPath(bundle: string, asked: Asked): string {
  const { where, status, sort, errorCode, axes } = asked;
  if (where === "") return `${paths.jobs(bundle)}${query({ ...axes, status, errorCode, sort, limit: ROWS })}`;
  return `${paths.results(bundle)}${query({ ...axes, where: conditions(where), status, sort, top: MOST_FILTERED })}`;
}

/** The path of the file with the filtered set. */
export function exportPath(bundle: string, asked: Asked, format: "csv" | "ndjson" | "parquet"): string {
  const { where, status, sort, axes } = asked;
  return `${paths.results(bundle)}${query({ ...axes, where: conditions(where), status, sort, format })}`;
}

/** The conditions of a text, one by one. */
export function conditions(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** The metrics with a column: those of the address, else the headline ones. */
export function columnIds(text: string): readonly string[] {
  const ids = text.split(",").filter((id) => METRICS.some((metric) => metric.id === id));
  return ids.length > 0 ? ids : HEADLINE;
}
