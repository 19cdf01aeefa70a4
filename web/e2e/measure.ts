// How long views take in a real browser: `npm run measure -- URL`.
//
// Opens the largest completed bundle (map and table) and the completed job with the most candles, each in a
// fresh context, and scrolls the table. Prints milliseconds from the navigation to what the reader came for, and
// the CPU time of the page's main thread until then, which other load on the machine disturbs least.
import type { Page } from "playwright-core";

import type { BundlePage, JobPage } from "../src/api/shapes";
import { launch, openPage, serverUrl } from "./browser";

const server = serverUrl();
const json = async <T>(path: string): Promise<T> => (await (await fetch(`${server}/api/backtest/${path}`)).json()) as T;

const { items } = await json<BundlePage>("bundle?status=Completed&limit=200");
const largest = [...items].sort((a, b) => b.total - a.total)[0];
if (!largest) throw new Error("there is no completed bundle");
const longest = { job: "", candles: 0 };
for (const { bundleRequestId: id } of items) {
  const job = (await json<JobPage>(`bundle/${id}/jobs?status=Completed&limit=1`)).items[0]?.jobId;
  if (!job) continue;
  const { candles } = await json<{ candles: number }>(`job/${job}`);
  if (candles > longest.candles) Object.assign(longest, { job, candles });
}

const browser = await launch();
const complaints: string[] = [];

/** Milliseconds until `there` holds after `path` was asked for, in a fresh context. */
async function open(path: string, there: () => boolean): Promise<[number, Page, number]> {
  const page = await openPage(browser, { viewport: { width: 1440, height: 900 } }, complaints);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const started = performance.now();
  await page.goto(server + path, { waitUntil: "commit" });
  await page.waitForFunction(there, undefined, { polling: "raf" });
  const passed = performance.now() - started;
  const { metrics } = await devtools.send("Performance.getMetrics");
  const worked = metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  return [passed, page, worked * 1000];
}

/** Milliseconds between frames while the table is scrolled to its end and beyond. */
async function scroll(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const box = document.querySelector(".scroller.tall")!;
    const gaps: number[] = [];
    let last = performance.now();
    for (let frame = 0; frame < 240; frame += 1) {
      box.scrollTop += 120;
      await new Promise(requestAnimationFrame);
      gaps.push(performance.now() - last);
      last = performance.now();
    }
    return gaps;
  });
}

try {
  const bundle = `/bundles/${largest.bundleRequestId}`;
  for (const round of ["first", "again"]) {
    const say = (what: string, ms: number, cpu?: number) => console.log(`${what}, ${round}: ${ms.toFixed(0)} ms${cpu === undefined ? "" : `, ${cpu.toFixed(0)} ms of the page's CPU`}`);
    const [map, , mapCpu] = await open(bundle, () => document.querySelector(".scale svg[role=img]") !== null);
    say(`heat-map of ${largest.total} jobs`, map, mapCpu);
    const [table, page, tableCpu] = await open(`${bundle}?tab=table`, () => document.querySelectorAll("tbody tr").length > 10);
    say(`table of ${largest.total} jobs`, table, tableCpu);
    const gaps = (await scroll(page)).sort((a, b) => a - b);
    say(`  scrolled, 95 % of frames within`, gaps[Math.floor(gaps.length * 0.95)] ?? 0);
    const [curve, , curveCpu] = await open(`/jobs/${longest.job}`, () => document.querySelector(".chart canvas") !== null && document.querySelector(".candle-chart canvas") !== null);
    say(`job of ${longest.candles} candles, with both charts`, curve, curveCpu);
  }
} finally {
  await browser.close();
}
for (const complaint of complaints) console.error(complaint);
if (complaints.length > 0) process.exit(1);
