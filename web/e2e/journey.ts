// The journey of a reader, in a real browser against a real server: `npm run e2e -- URL`.
//
// open -> submit from the form -> watch -> heat-map cell -> job -> compare -> export -> deep link ->
// the same by keyboard alone -> lose and regain the server; every view is checked with axe-core in both
// themes. The server must have candles and a worker. Any console error fails the run.
//
// With E2E_CONTROL=1 whoever runs this ends the server at the line `#lose` and starts it again at
// `#regain`; without, the browser's requests are cut instead.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { Page } from "playwright-core";

import type { SeriesPage, Status } from "../src/api/shapes";
import { launch, openPage, serverUrl } from "./browser";

const server = serverUrl();
const controlled = process.env["E2E_CONTROL"] === "1";
const axe = readFileSync(createRequire(`${process.cwd()}/package.json`).resolve("axe-core/axe.min.js"), "utf8");
const complaints: string[] = [];
let passed = 0;

/** One step of the journey, said aloud. */
async function step(name: string, act: () => Promise<void>): Promise<void> {
  const started = Date.now();
  try {
    await act();
  } catch (error) {
    console.log(`not ok  ${name}`);
    throw error;
  }
  passed += 1;
  console.log(`ok  ${name} (${Date.now() - started} ms)`);
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Waits until nothing on the page is a skeleton. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector("main h1") !== null && document.querySelector(".skeleton") === null);
}

/** Complaints of axe-core about the page as it is. */
async function accessible(page: Page, where: string): Promise<void> {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe: run } = window as unknown as { axe: typeof import("axe-core") };
    const { violations } = await run.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    return violations
      .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
      .map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
  must(found.length === 0, `axe-core on ${where}: ${found.join("; ")}`);
}

/** Presses Tab until the element is focused. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 150; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`150 presses of Tab do not reach ${selector}`);
}

/** Whether the server answers. */
async function answers(): Promise<boolean> {
  return fetch(`${server}/readyz`).then((answer) => answer.ok, () => false);
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    must(Date.now() < deadline, `waited in vain for ${what}`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

async function lose(page: Page): Promise<void> {
  if (!controlled) {
    await page.route("**/api/**", (route) => route.abort());
    return;
  }
  console.log("#lose");
  await until(async () => !(await answers()), "the server to go");
}

async function regain(page: Page): Promise<void> {
  if (!controlled) {
    await page.unroute("**/api/**");
    return;
  }
  console.log("#regain");
  await until(answers, "the server to come back");
}

const browser = await launch();
const page = await openPage(browser, { colorScheme: "light", viewport: { width: 1280, height: 900 }, acceptDownloads: true }, complaints);
let bundle = "";
let jobs: string[] = [];
try {
  await step("the overview opens", async () => {
    await page.goto(server);
    await settled(page);
    must((await page.textContent("h1")) === "Overview", "the first view is not the overview");
  });

  await step("the form submits what the estimate said", async () => {
    await page.click("nav[aria-label=views] >> text=Submit");
    const button = page.getByRole("button", { name: /^Submit [\d,]+ jobs?$/ });
    await button.waitFor();
    await page.getByLabel("Name of the bundle").fill(`journey ${Date.now()}`);
    // Another fee each time: what the cache answers at once cannot be watched.
    await page.getByLabel("Fee of a fill, %").fill(String(0.05 + Math.round(Math.random() * 1e6) / 1e8));
    await page.getByLabel("Fee of a fill, %").press("Tab");
    await page.getByLabel("fast to").fill("30");
    await page.getByLabel("fast to").press("Tab");
    await page.getByText("estimating…").waitFor({ state: "hidden" });
    await button.waitFor();
    const said = Number((await button.textContent())?.replace(/[^\d]/g, ""));
    must(said > 50, `the estimate says ${said} jobs`);
    await accessible(page, "submit");
    await button.click();
    await page.waitForURL(/\/bundles\/[0-9a-f-]{36}$/);
    bundle = page.url().split("/").pop() ?? "";
    const status = (await (await fetch(`${server}/api/backtest/bundle/${bundle}/status`)).json()) as Status;
    must(status.total === said, `${status.total} jobs instead of ${said}`);
  });

  await step("the heat-map fills in until the bundle is completed", async () => {
    await page.locator("[role=application]").first().waitFor();
    // Some cells have their value while others still wait.
    if (controlled) await page.waitForFunction(() => document.querySelector(".legend .pending") !== null && document.querySelector(".scale svg[role=img]") !== null);
    await page.locator(".head .status.Completed").waitFor({ timeout: 120_000 });
    await page.waitForFunction(() => document.querySelector(".scale svg[role=img]") !== null);
    await accessible(page, "live heat-map");
  });

  await step("the keys walk the heat-map, and its table says the same", async () => {
    const map = page.locator("[role=application]").first();
    await map.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.waitForURL(/cell=0\.1\.1/);
    const value = (await page.textContent("#cell-readout .value"))?.trim() ?? "";
    await page.click("text=The same as a table");
    const cell = await page.locator(".grid-table tbody tr").nth(1).locator("td").nth(1).textContent();
    must(value !== "" && cell === value, `the cell shows "${value}", the table "${cell}"`);
    await map.focus();
    await page.keyboard.press("c");
    await page.getByText("1 job picked").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/jobs\//);
  });

  await step("the job shows its curve, trades, metrics and settings", async () => {
    jobs.push(page.url().split("/").pop() ?? "");
    await page.locator(".chart canvas").first().waitFor();
    await settled(page);
    await accessible(page, "job");
    for (const [tab, sign] of [["Trades", "table"], ["Metrics", ".metric"], ["Config and attempts", "pre.tree"]] as const) {
      await page.locator(".tabs a", { hasText: tab }).click();
      await page.locator(`main ${sign}`).first().waitFor();
      await accessible(page, `job, ${tab}`);
    }
    await page.goBack();
    await page.goBack();
    await page.goBack();
  });

  await step("a click on a cell opens its job", async () => {
    await page.goto(`${server}/bundles/${bundle}`);
    const canvas = page.locator("[role=application] canvas").first();
    await canvas.waitFor();
    const bounds = await canvas.boundingBox();
    must(bounds !== null, "the heat-map has no size");
    await page.mouse.click(bounds!.x + bounds!.width - 20, bounds!.y + 20);
    await page.waitForURL(/\/jobs\//);
    await page.goBack();
  });

  await step("the table sorts, filters and exports the filtered set", async () => {
    await page.click(".tabs >> text=Table");
    await page.locator("tbody tr").nth(3).waitFor();
    await page.getByRole("button", { name: "Total return" }).click();
    await page.waitForURL(/sort=-totalReturn/);
    await page.locator("th[aria-sort=descending]", { hasText: "Total return" }).waitFor();
    await page.getByLabel("Conditions on metrics").fill("trades>=1, maxDrawdown<0");
    await page.waitForURL(/where=/);
    await page.getByText(/jobs fit$/).waitFor();
    const fits = Number((await page.getByText(/jobs fit$/).textContent())?.replace(/[^\d]/g, ""));
    await accessible(page, "table");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Export csv")]);
    const lines = readFileSync((await download.path()) ?? "", "utf8").trim().split("\r\n");
    must(fits > 0 && lines.length === fits + 1, `${fits} rows fit, the file has ${lines.length - 1}`);
  });

  await step("a deep link shows the same rows", async () => {
    const rows = () => page.locator("tbody tr td:nth-child(2)").allTextContents();
    const before = await rows();
    await page.reload();
    await page.getByText(/jobs fit$/).waitFor();
    must(JSON.stringify(await rows()) === JSON.stringify(before), "the reloaded page has other rows");
  });

  await step("two jobs are compared by keyboard", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("c");
    await page.getByText("2 jobs picked").waitFor();
    await page.getByRole("link", { name: "Compare", exact: true }).last().click();
    await page.waitForURL(/\/compare\?jobs=/);
    await page.getByText("First trade that is not the same").waitFor();
    await page.locator(".chart canvas").first().waitFor();
    await accessible(page, "compare");
    jobs = (new URL(page.url()).searchParams.get("jobs") ?? "").split(",");
    must(jobs.length === 2, `${jobs.length} jobs are compared`);
  });

  await step("a part of a curve is in the address, and a deep link shows it", async () => {
    await page.goto(`${server}/jobs/${jobs[0]}`);
    const plot = page.locator(".chart .u-over").first();
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    if (!box) throw new Error("the curve has no place");
    const [left, right, y] = [box.x + box.width * 0.3, box.x + box.width * 0.6, box.y + box.height / 2];
    await page.mouse.move(left, y);
    await page.mouse.down();
    await page.mouse.move(right, y, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/curve=/);
    const part = new URL(page.url()).searchParams.get("curve");
    await page.reload();
    await plot.waitFor();
    await settled(page);
    must(new URL(page.url()).searchParams.get("curve") === part, "the reloaded page shows another part");
    await plot.dblclick();
    await page.waitForURL((url) => !url.searchParams.has("curve"));
  });

  await step("the other views and both themes are accessible", async () => {
    for (const path of ["/", "/bundles", "/data", "/workers", `/bundles/${bundle}?tab=honesty`, `/bundles/${bundle}?tab=failures`, `/bundles/${bundle}?tab=config`]) {
      await page.goto(server + path);
      await settled(page);
      await accessible(page, path);
    }
    const before = await page.evaluate(() => document.documentElement.dataset["theme"]);
    await page.getByRole("button", { name: /use the .* theme/ }).click();
    const after = await page.evaluate(() => document.documentElement.dataset["theme"]);
    must(before !== after, "the theme did not change");
    for (const path of ["/", `/bundles/${bundle}`, `/bundles/${bundle}?tab=table`, `/bundles/${bundle}?tab=honesty`, `/jobs/${jobs[0]}`, `/compare?jobs=${jobs.join(",")}`, "/submit"]) {
      await page.goto(server + path);
      await settled(page);
      await accessible(page, `${path} in the other theme`);
    }
  });

  await step("the months of a series are walked by keyboard, in the address and accessible", async () => {
    const known = (await (await fetch(`${server}/api/candles/series`)).json()) as SeriesPage;
    const series = known.items.sort((a, b) => a.first.localeCompare(b.first))[0];
    if (!series) throw new Error("there is no series");
    await page.goto(`${server}/data`);
    await settled(page);
    await page.locator("tbody a", { hasText: series.ticker }).filter({ hasText: series.timeframe }).first().click();
    await page.locator(".calendar").waitFor();
    await tabTo(page, ".calendar [data-month]");
    await page.keyboard.press("Home");
    await page.waitForURL(/month=\d{4}-\d{2}/);
    const month = page.locator(".calendar [aria-selected=true]");
    const said = (await month.getAttribute("aria-label")) ?? "";
    must((await page.locator(".readout").innerText()).startsWith(said), `the readout does not say ${said}`);
    must(await month.evaluate((cell) => cell === document.activeElement), "the focus is elsewhere");
    await accessible(page, "the calendar");
    await page.reload();
    await month.waitFor();
    must((await month.getAttribute("aria-label")) === said, "the reloaded page has another month");
    await page.getByRole("button", { name: /use the .* theme/ }).click();
    await accessible(page, "the calendar in the other theme");
  });

  await step("the keyboard opens the help and finds the search", async () => {
    await page.goto(`${server}/bundles`);
    await settled(page);
    await page.keyboard.press("?");
    await page.locator("dialog[open]").waitFor();
    await accessible(page, "help");
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "hidden" });
    await page.keyboard.press("/");
    await page.keyboard.type("journey");
    await page.waitForURL(/name=journey/);
    await page.keyboard.press("Escape");
    await settled(page);
    await page.locator("tbody tr").first().waitFor();
    await page.keyboard.press("j");
    await page.locator("tbody tr.cursor").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/bundles\/[0-9a-f-]{36}/);
  });

  await step("a bundle is submitted, watched, opened and compared by keyboard alone", async () => {
    await page.evaluate(() => sessionStorage.clear());
    await page.goto(server);
    await settled(page);
    await tabTo(page, "nav[aria-label=views] a[href='/submit']");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/submit$/);
    await page.getByRole("button", { name: /^Submit [\d,]+ jobs?$/ }).waitFor();
    await tabTo(page, "button.primary");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/bundles\/[0-9a-f-]{36}$/);
    await page.locator(".head .status.Completed").waitFor({ timeout: 120_000 });
    await page.waitForFunction(() => document.querySelector(".scale svg[role=img]") !== null && document.querySelector(".legend .pending, .legend .hatched-running") === null);
    await tabTo(page, "[role=application]");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("c");
    await page.getByText("1 job picked").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("c");
    await page.getByText("2 jobs picked").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/jobs\//);
    await settled(page);
    await tabTo(page, ".crumb a[href^='/bundles/']");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/bundles\//);
    await settled(page);
    await tabTo(page, ".tray a[href^='/compare']");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/compare\?jobs=/);
    await settled(page);
  });

  await step("without the server the page keeps what it has, and goes on when it is back", async () => {
    const quiet = complaints.length;
    const stored = (await (await fetch(`${server}/api/backtest/bundle/${bundle}`)).json()) as { request: { universalConfig: { costs?: object } } };
    stored.request.universalConfig.costs = { feePct: 0.05 + Math.round(Math.random() * 1e6) / 1e8 };
    const answer = await fetch(`${server}/api/backtest/bundle`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(stored.request) });
    const { bundleRequestId } = (await answer.json()) as { bundleRequestId: string };
    await page.goto(`${server}/bundles/${bundleRequestId}`);
    await page.locator(".scale svg[role=img]").waitFor();
    await lose(page);
    await page.getByText(/old, retrying/).first().waitFor();
    must(await page.locator("[role=application]").first().isVisible(), "the heat-map is gone");
    await regain(page);
    await page.getByText(/old, retrying/).first().waitFor({ state: "hidden", timeout: 60_000 });
    await page.locator(".head .status.Completed").waitFor({ timeout: 120_000 });
    // The browser itself reports the requests that were cut.
    complaints.splice(quiet, complaints.length, ...complaints.slice(quiet).filter((line) => !/ERR_(FAILED|CONNECTION|INCOMPLETE|EMPTY|NETWORK|ABORTED)/.test(line)));
  });

  await step("a server that wants a key is given one", async () => {
    const quiet = complaints.length;
    await page.route("**/api/workers", (route) =>
      route.request().headers()["authorization"] === "Bearer bf_test"
        ? route.continue()
        : route.fulfill({
            status: 401,
            contentType: "application/problem+json",
            body: JSON.stringify({ type: "/errors/unauthorized", title: "A key is needed", status: 401, code: "unauthorized", detail: "send an API key", requestId: "r-1" }),
          }),
    );
    await page.goto(`${server}/workers`);
    await page.getByLabel("API key").fill("bf_test");
    await accessible(page, "the form for a key");
    await page.getByRole("button", { name: "Use it in this tab" }).click();
    await page.locator("tbody tr").first().waitFor();
    await page.unroute("**/api/workers");
    complaints.splice(quiet, complaints.length, ...complaints.slice(quiet).filter((line) => !line.includes("401")));
  });

  await step("nothing complained on the console", async () => must(complaints.length === 0, complaints.join("\n")));
  console.log(`${passed} passed, 0 failed`);
} catch (error) {
  const picture = process.env["E2E_PICTURE"];
  if (picture) await page.screenshot({ path: picture, fullPage: true });
  console.error(`at ${page.url()}:`, error instanceof Error ? error.message : error);
  for (const complaint of complaints) console.error(complaint);
  console.log(`${passed} passed, 1 failed`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
