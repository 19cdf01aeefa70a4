// Debian's Chromium by playwright-core, and the rule that a console error fails the run.
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

/** The page under test: the first argument, or `BACKFLEET_SERVER`. */
export function serverUrl(): string {
  const url = process.argv[2] ?? process.env["BACKFLEET_SERVER"];
  if (!url) throw new Error("say where the page is: npm run e2e -- http://127.0.0.1:8787");
  return url.replace(/\/$/, "");
}

export function launch(): Promise<Browser> {
  const root = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      ...(root ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page in a fresh context; everything that goes wrong in it is added to `complaints`. */
export async function openPage(browser: Browser, options: BrowserContextOptions, complaints: string[]): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${page.url()}: ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  return page;
}
