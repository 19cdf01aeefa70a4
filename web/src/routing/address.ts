// Addresses of the page, without a browser.

/** `url` with these values of the query; null and "" take a name out. Without the origin. */
export function changed(url: URL, changes: Record<string, string | null>): string {
  const next = new URL(url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  return next.pathname + next.search;
}

/** Whether the page draws this path; the rest is the server's. */
export function inside(pathname: string): boolean {
  return !/^\/(api|docs|errors|metrics|healthz|readyz)(\/|$)/.test(pathname);
}
