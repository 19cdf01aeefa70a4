import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

import { firstLoadBudget } from "./scripts/first_load_budget.ts";

// The server to develop against: `backfleet dev --listen 127.0.0.1:8787`.
const server = process.env["BACKFLEET_SERVER"] ?? "http://127.0.0.1:8787";
const toServer = Object.fromEntries(
  ["/api", "/docs", "/errors", "/healthz", "/readyz"].map((path) => [path, { target: server }]),
);

// What the binary sends with the page. The hash is of the style element that lightweight-charts
// adds on the job page; nothing else may stand in the page itself.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

export default defineConfig({
  plugins: [
    preact({ devToolsEnabled: false }),
    // The largest first load, in bytes after gzip.
    firstLoadBudget(80_000),
  ],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 300,
  },
  server: { host: "127.0.0.1", proxy: toServer },
  preview: {
    host: "127.0.0.1",
    proxy: toServer,
    headers: { "content-security-policy": contentSecurityPolicy },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
