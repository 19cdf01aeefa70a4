// The pictures of README.md: `npm run pictures -- [BINARY] [FOLDER]`.
//
// Starts the binary on the sample candles with a throttle, so that a bundle can be caught half filled,
// and takes the bundle live, its honesty panel and its best job. Nothing is left running.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import type { Page } from "playwright-core";

import type { JobPage } from "../src/api/shapes";
import { launch, openPage } from "./browser";

const binary = resolve(process.argv[2] ?? "../target/debug/backfleet");
const folder = resolve(process.argv[3] ?? "../docs/images");
/** Candles per second: the bundle then takes some ten seconds. */
const PACE = "450000";
const DEADLINE_MS = 60_000;

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });
}

/** What `look` answers, as soon as it is not undefined. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + DEADLINE_MS;
  while (Date.now() < end) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error(`waited in vain for ${what}`);
}

const data = await mkdtemp(join(tmpdir(), "backfleet-pictures-"));
const imported = spawnSync(binary, ["candles", "import", "../examples/candles", "--data", data]);
if (imported.status !== 0) throw new Error(String(imported.stderr));
const server = `http://127.0.0.1:${await freePort()}`;
const role = spawn(binary, ["dev", "--data", data, "--listen", server.slice(7), "--pace", PACE], { stdio: "ignore" });
const browser = await launch();
const complaints: string[] = [];

/** Until nothing that was asked for is still to be drawn. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 30; frame += 1) await new Promise(requestAnimationFrame);
  });
}

async function take(page: Page, path: string, name: string): Promise<void> {
  await page.goto(server + path);
  await page.waitForFunction(() => document.querySelector("main h1") !== null && document.querySelector(".skeleton") === null);
  await settled(page);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

try {
  await until("the server", async () => (await fetch(`${server}/readyz`)).ok || undefined);
  const request = JSON.parse(await readFile("../examples/quick-start.json", "utf8")) as Record<string, unknown>;
  request["name"] = "BTC: EMA cross, six years of 4 h candles";
  request["moneyManagementVariants"] = [{ stopLossPct: 3 }];
  request["parameterVariants"] = { fast: { from: 5, to: 60, step: 5 }, slow: { from: 20, to: 200, step: 10 } };
  const answer = await fetch(`${server}/api/backtest/bundle`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request) });
  const { bundleRequestId: id } = (await answer.json()) as { bundleRequestId: string };
  const status = async () => (await (await fetch(`${server}/api/backtest/bundle/${id}/status`)).json()) as { status: string; progress: number };
  const pageOf = (height: number, colorScheme: "light" | "dark", width = 1060) => openPage(browser, { colorScheme, viewport: { width, height } }, complaints);

  const live = await pageOf(1060, "dark");
  await live.goto(`${server}/bundles/${id}`);
  await until("half of the bundle", async () => ((await status()).progress >= 55 ? true : undefined));
  await live.screenshot({ path: join(folder, "bundle-live.png") });
  await until("the end of the bundle", async () => ((await status()).status === "Completed" ? true : undefined));
  await take(await pageOf(820, "light"), `/bundles/${id}?tab=honesty`, "bundle-honesty");
  const best = (await (await fetch(`${server}/api/backtest/bundle/${id}/jobs?sort=-sharpe&limit=1`)).json()) as JobPage;
  const job = await pageOf(1420, "dark", 1120);
  await job.goto(`${server}/jobs/${best.items[0]?.jobId}`);
  await job.waitForSelector(".candle-chart canvas");
  await job.waitForLoadState("networkidle");
  await settled(job);
  await job.screenshot({ path: join(folder, "job.png") });
} finally {
  await browser.close();
  role.kill("SIGTERM");
  await new Promise((ended) => role.once("exit", ended));
  await rm(data, { recursive: true, force: true });
}
for (const complaint of complaints) console.error(complaint);
if (complaints.length > 0) process.exit(1);
console.log(`pictures in ${folder}`);
