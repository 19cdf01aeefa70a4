// Where the page is: the path and the query are signals; links and views change them, never state
// of their own, so that every filter, sort and selection is in the address.
import { computed, signal } from "@preact/signals";

import { changed, inside } from "./address";

const address = signal(new URL(window.location.href));

/** The path, without a slash at the end. */
export const path = computed(() => address.value.pathname.replace(/(.)\/+$/, "$1"));

/** The query of the address. */
export const search = computed(() => address.value.searchParams);

/** Goes to `href` inside the page. `replace` keeps the step out of the history. */
export function navigate(href: string, how: { replace?: boolean } = {}): void {
  const next = new URL(href, address.peek());
  if (next.href === address.peek().href) return;
  const moved = next.pathname !== address.peek().pathname;
  if (how.replace) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  address.value = next;
  if (moved) scrollTo(0, 0);
}

/** The present address with these values of the query; null and "" take a name out. */
export function withQuery(changes: Record<string, string | null>): string {
  return changed(address.peek(), changes);
}

/** Changes the query in place. */
export function setQuery(changes: Record<string, string | null>): void {
  navigate(withQuery(changes), { replace: true });
}

/** The value of `name` in the query, or `otherwise`. */
export function param(name: string, otherwise = ""): string {
  return search.value.get(name) ?? otherwise;
}

/** All values of `name` in the query. */
export function params(name: string): string[] {
  return search.value.getAll(name);
}

/** The word among `words` that the query has under `name`; the first where it has another. */
export function choice<W extends string>(name: string, words: readonly [W, ...W[]]): W {
  const found = words.find((word) => word === param(name));
  return found ?? words[0];
}

/** Follows the browser's buttons and clicks on links of the page; called once, by its entry. */
export function startLocation(): void {
  addEventListener("popstate", () => (address.value = new URL(window.location.href)));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest("a");
    if (!link || link.target || link.hasAttribute("download") || link.dataset["outside"] !== undefined) return;
    const href = new URL(link.href);
    if (href.origin !== window.location.origin || !inside(href.pathname)) return;
    event.preventDefault();
    navigate(href.pathname + href.search);
  });
}
