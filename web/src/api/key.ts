// The API key of this tab, for servers that ask for one. It is never in the address.
import { signal } from "@preact/signals";

const KEY = "backfleet.api-key";

/** The key; null where none was given. */
export const apiKey = signal<string | null>(stored());

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Keeps the key until the tab is closed; "" forgets it. */
export function setApiKey(key: string): void {
  apiKey.value = key === "" ? null : key;
  try {
    if (key === "") sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, key);
  } catch {
    // Without storage the key lasts as long as the page.
  }
}

/** The headers that show the key. */
export function keyHeaders(): Record<string, string> {
  const key = apiKey.peek();
  return key === null ? {} : { authorization: `Bearer ${key}` };
}
