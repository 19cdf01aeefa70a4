// The only code that calls the server: JSON in, JSON out, refusals as `ApiError`.
import { keyHeaders } from "./key";
import type { Fault, ProblemBody } from "./shapes";

/** Longest wait for an answer. */
const TIMEOUT_MS = 20_000;

/** A refusal, or no answer at all: what happened, what to do, and the id to quote. */
export class ApiError extends Error {
  constructor(
    /** Stable code of the refusal; `unreachable` where nothing answered. */
    readonly code: string,
    /** HTTP status; 0 where nothing answered. */
    readonly status: number,
    /** One line that names the kind of refusal. */
    readonly title: string,
    /** What is wrong this time. */
    detail: string,
    readonly requestId: string | null,
    readonly faults: readonly Fault[] = [],
    /** The state that forbids the change, where one does. */
    readonly currentStatus: string | null = null,
  ) {
    super(detail);
  }

  /** Whether the server wants a key, or another one. */
  get forbidden(): boolean {
    return this.status === 401 || this.status === 403;
  }

  /** Whether a repeat may succeed by itself. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** An answer with the headers that the page uses. */
export interface Answer<T> {
  /** Undefined where the server says that nothing has changed. */
  body: T | undefined;
  etag: string | null;
  /** Seconds to the next worthwhile poll. */
  retryAfter: number | null;
}

/** Reads `path`; with `etag`, an unchanged body is not sent again. */
export async function get<T>(path: string, etag?: string | null, signal?: AbortSignal): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (etag) headers["if-none-match"] = etag;
  // The page compares versions itself; the browser's cache would hide the 304.
  return call<T>(path, { headers, cache: "no-store" }, signal);
}

/** Reads `path` once. */
export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await get<T>(path, null, signal);
  if (answer.body === undefined) throw unreadable(200, null);
  return answer.body;
}

/** Sends `body` to `path`; the answer may be empty. */
export async function post<T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T | undefined> {
  const init: RequestInit = { method: "POST", headers: { accept: "application/json", ...headers } };
  if (body !== undefined) {
    init.body = typeof body === "string" ? body : JSON.stringify(body);
    init.headers = { ...init.headers, "content-type": "application/json" };
  }
  return (await call<T>(path, init)).body;
}

async function call<T>(path: string, init: RequestInit, signal?: AbortSignal): Promise<Answer<T>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { ...init, headers: { ...keyHeaders(), ...init.headers }, signal: either });
    text = response.status === 304 ? "" : await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    const slow = timeout.aborted;
    const title = slow ? "The server takes too long" : "The server does not answer";
    const detail = slow
      ? `no answer to ${path} within ${TIMEOUT_MS / 1000} s`
      : `nothing answers at ${location.origin}; is \`backfleet dev\` or \`backfleet serve\` running?`;
    throw new ApiError("unreachable", 0, title, detail, null);
  }
  const requestId = response.headers.get("x-request-id");
  if (!response.ok && response.status !== 304) throw refusal(response.status, text, requestId);
  const retryAfter = Number(response.headers.get("retry-after") ?? NaN);
  const answer = { etag: response.headers.get("etag"), retryAfter: Number.isFinite(retryAfter) ? retryAfter : null };
  if (text === "") return { ...answer, body: undefined };
  try {
    return { ...answer, body: JSON.parse(text) as T };
  } catch {
    throw unreadable(response.status, requestId);
  }
}

/** The refusal in `text`, or one in its place where a proxy answered in other words. */
export function refusal(status: number, text: string, requestId: string | null): ApiError {
  try {
    const problem = JSON.parse(text) as Partial<ProblemBody>;
    if (typeof problem.code === "string" && typeof problem.detail === "string") {
      return new ApiError(
        problem.code,
        status,
        problem.title ?? "The server refuses",
        problem.detail,
        problem.requestId ?? requestId,
        problem.errors ?? [],
        problem.currentStatus ?? null,
      );
    }
  } catch {
    // Not a problem document: said below.
  }
  const away = status === 502 || status === 504 || (status >= 500 && requestId === null);
  if (away) {
    const detail = `something between answers ${status} in its place; try again in a moment`;
    return new ApiError("unreachable", status, "The server does not answer", detail, requestId);
  }
  return new ApiError("unexpected", status, "The server refuses", `it answers ${status}`, requestId);
}

function unreadable(status: number, requestId: string | null): ApiError {
  return new ApiError("unreadable", status, "The answer cannot be read", "it is not JSON", requestId);
}

/** Any thrown value as an `ApiError`. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError("page", 0, "The page met a defect", detail, null);
}

/** A query string of the pairs that have a value; an array gives one pair an element. */
export function query(pairs: Record<string, string | number | null | undefined | readonly string[]>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(pairs)) {
    if (value === null || value === undefined || value === "") continue;
    const values = Array.isArray(value) ? (value as readonly string[]) : [String(value)];
    for (const each of values) search.append(name, each);
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
