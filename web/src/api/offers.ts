// What this server offers, from its own OpenAPI document: a page that is newer than its server
// says what is missing instead of calling addresses that are not there.
import { signal } from "@preact/signals";

import { read } from "./client";
import { optional, paths, type Optional } from "./paths";

const offered = signal<ReadonlySet<string> | null>(null);
let asked: Promise<ReadonlySet<string>> | null = null;

/** The addresses of the server; asked once, and again after a failure. */
export function askOffers(): Promise<ReadonlySet<string>> {
  asked ??= read<{ paths: Record<string, unknown> }>(paths.openapi)
    .then((document) => (offered.value = new Set(Object.keys(document.paths))))
    .catch((error: unknown) => {
      asked = null;
      throw error;
    });
  return asked;
}

/** Whether the server offers it; null while that is not known. Tracked like any signal. */
export function offers(name: Optional): boolean | null {
  return offered.value === null ? null : offered.value.has(optional[name]);
}

/** The same, once it is known. A server that does not say is taken to offer nothing more. */
export async function whetherOffered(name: Optional): Promise<boolean> {
  try {
    return (await askOffers()).has(optional[name]);
  } catch {
    return false;
  }
}
