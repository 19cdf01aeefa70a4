// The views, and what each will ask the server for: an opened page asks before it draws.
//
// Those that links lead to most come with the entry; the others are chunks of their own.
import type { ComponentType } from "preact";

import { paths } from "../api/paths";
import type { JobDetail } from "../api/shapes";
import { expectCharts } from "../charts/lazy";
import { candlesPath, equityPath } from "../job/series";
import { expectResource } from "../live/resource";
import { links, type Route, type ViewProps } from "../routing/routes";
import { BundleView } from "./bundle";
import { Bundles } from "./bundles";
import { JobView } from "./job";
import { Overview } from "./overview";

/** What draws a route. */
export interface View {
  /** It is here. */
  component?: ComponentType<ViewProps>;
  /** It has to be fetched. */
  load?(): Promise<ComponentType<ViewProps>>;
  /** Asks for what it will look at. */
  expect?(id: string): void;
}

export const VIEWS: Record<Route["title"], View> = {
  Overview: { component: Overview },
  Bundles: { component: Bundles },
  Bundle: {
    component: BundleView,
    expect: (id) => [paths.bundle(id), paths.status(id)].forEach(expectResource),
  },
  Job: {
    component: JobView,
    expect: (id) => {
      [candlesPath(id, {}), paths.bundle(links.bundleOfJob(id))].forEach(expectResource);
      expectCharts();
      // A job that is not completed has no equity yet.
      void expectResource<JobDetail>(paths.jobFacts(id)).then((job) => job?.status === "Completed" && expectResource(equityPath(id)));
    },
  },
  Compare: { load: async () => (await import("./compare")).Compare },
  Data: { load: async () => (await import("./data")).Data },
  Workers: { load: async () => (await import("./workers")).Workers },
  Submit: { load: async () => (await import("./submit")).Submit },
};
