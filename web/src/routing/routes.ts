// Which path is which view.

/** Parts of the path that a view needs. */
export interface ViewProps {
  id: string;
}

/** A view and where it is drawn. */
export interface Route {
  pattern: RegExp;
  title: "Overview" | "Bundles" | "Bundle" | "Job" | "Compare" | "Data" | "Workers" | "Submit";
}

export const ROUTES: readonly Route[] = [
  { pattern: /^\/$/, title: "Overview" },
  { pattern: /^\/bundles$/, title: "Bundles" },
  { pattern: /^\/bundles\/(?<id>[^/]+)$/, title: "Bundle" },
  { pattern: /^\/jobs\/(?<id>[^/]+)$/, title: "Job" },
  { pattern: /^\/compare$/, title: "Compare" },
  { pattern: /^\/data$/, title: "Data" },
  { pattern: /^\/workers$/, title: "Workers" },
  { pattern: /^\/submit$/, title: "Submit" },
];

/** The route of `path` with the id in it. */
export function routeOf(path: string): { route: Route; id: string } | null {
  for (const route of ROUTES) {
    const match = route.pattern.exec(path);
    if (match) return { route, id: decodeURIComponent(match.groups?.["id"] ?? "") };
  }
  return null;
}

/** Links of the page. */
export const links = {
  bundle: (id: string, tab?: string) => `/bundles/${id}${tab ? `?tab=${tab}` : ""}`,
  job: (id: string) => `/jobs/${id}`,
  compare: (jobs: readonly string[]) => `/compare?jobs=${jobs.join(",")}`,
  bundleOfJob: (job: string) => job.replace(/-\d+$/, ""),
};
