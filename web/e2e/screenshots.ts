// Pictures of every view, dark and light, at three widths: `npm run screenshots -- URL FOLDER`.
// The server must have at least one completed bundle.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { BundlePage, JobPage, Series, SeriesPage } from "../src/api/shapes";
import { seriesKey } from "../src/format/series";
import { launch, openPage, serverUrl } from "./browser";

const WIDTHS = [360, 768, 1440] as const;

async function json<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return (await response.json()) as T;
}

/** The views to picture: name and address. */
async function views(server: string): Promise<[string, string][]> {
  const completed = await json<BundlePage>(`${server}/api/backtest/bundle?status=Completed&limit=200`);
  // A map of the whole bundle makes the better picture.
  const bundle = completed.items.filter((item) => item.total <= 5_000).sort((a, b) => b.total - a.total)[0];
  if (!bundle) throw new Error("there is no completed bundle to picture");
  const id = bundle.bundleRequestId;
  const best = await json<JobPage>(`${server}/api/backtest/bundle/${id}/jobs?sort=-sharpe&limit=3`);
  const [first, second] = best.items.map((job) => job.jobId);
  const running = await json<BundlePage>(`${server}/api/backtest/bundle?status=Running&limit=1`);
  const live = running.items[0]?.bundleRequestId;
  // The longest one has the most years.
  const length = ({ first, last }: Series) => new Date(last).getTime() - new Date(first).getTime();
  const stored = await json<SeriesPage>(`${server}/api/candles/series`);
  const series = stored.items.sort((a, b) => length(b) - length(a))[0];
  return [
    ["overview", "/"],
    ["bundles", "/bundles"],
    ...(live ? ([["bundle-running", `/bundles/${live}`]] as [string, string][]) : []),
    ["bundle-live", `/bundles/${id}`],
    ["bundle-table", `/bundles/${id}?tab=table`],
    ["bundle-honesty", `/bundles/${id}?tab=honesty`],
    ["bundle-failures", `/bundles/${id}?tab=failures`],
    ["bundle-config", `/bundles/${id}?tab=config`],
    ["job", `/jobs/${first}`],
    ["job-trades", `/jobs/${first}?tab=trades`],
    ["job-metrics", `/jobs/${first}?tab=metrics`],
    ["job-config", `/jobs/${first}?tab=config`],
    ["compare", `/compare?jobs=${first},${second}`],
    ["data", "/data"],
    ...(series ? ([["data-calendar", `/data?series=${encodeURIComponent(seriesKey(series))}`]] as [string, string][]) : []),
    ["workers", "/workers"],
    ["submit", "/submit"],
  ];
}

const server = serverUrl();
const folder = process.argv[3] ?? "screenshots";
const only = process.argv[4]?.split(",");
await mkdir(folder, { recursive: true });
const browser = await launch();
const complaints: string[] = [];
try {
  const wanted = (await views(server)).filter(([name]) => !only || only.includes(name));
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of WIDTHS) {
      const page = await openPage(browser, { colorScheme, viewport: { width, height: width < 500 ? 780 : 900 } }, complaints);
      for (const [name, path] of wanted) {
        await page.goto(server + path);
        await page.waitForFunction(() => document.querySelector("main h1") !== null && document.querySelector(".skeleton") === null);
        await page.waitForLoadState("networkidle");
        await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (overflow > 0) complaints.push(`${name} at ${width}: ${overflow} px wider than the screen`);
      }
      await page.context().close();
    }
  }
} finally {
  await browser.close();
}
for (const complaint of complaints) console.error(complaint);
console.log(`pictures in ${folder}, ${complaints.length} complaints`);
if (complaints.length > 0) process.exit(1);
