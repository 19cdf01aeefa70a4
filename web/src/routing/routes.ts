// Which view draws which path. Every view is a chunk of its own.
import type { ComponentType } from "preact";

/** Parts of the path that a view needs. */
export interface ViewProps {
  id: string;
}

/** A view and where it is drawn. */
export interface Route {
  pattern: RegExp;
  title: string;
  load(): Promise<ComponentType<ViewProps>>;
}

export const ROUTES: readonly Route[] = [
  { pattern: /^\/$/, title: "Overview", load: async () => (await import("../views/overview")).Overview },
  { pattern: /^\/bundles$/, title: "Bundles", load: async () => (await import("../views/bundles")).Bundles },
  { pattern: /^\/bundles\/(?<id>[^/]+)$/, title: "Bundle", load: async () => (await import("../views/bundle")).BundleView },
  { pattern: /^\/jobs\/(?<id>[^/]+)$/, title: "Job", load: async () => (await import("../views/job")).JobView },
  { pattern: /^\/compare$/, title: "Compare", load: async () => (await import("../views/compare")).Compare },
  { pattern: /^\/data$/, title: "Data", load: async () => (await import("../views/data")).Data },
  { pattern: /^\/workers$/, title: "Workers", load: async () => (await import("../views/workers")).Workers },
  { pattern: /^\/submit$/, title: "Submit", load: async () => (await import("../views/submit")).Submit },
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
