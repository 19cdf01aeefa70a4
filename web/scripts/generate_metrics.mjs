// Writes src/metrics/catalogue.ts from docs/reference/metrics.md; with --check only compares.
import { readFileSync, writeFileSync } from "node:fs";

const source = new URL("../../docs/reference/metrics.md", import.meta.url);
const target = new URL("../src/metrics/catalogue.ts", import.meta.url);
const text = readFileSync(source, "utf8");
const rows = [...text.matchAll(/^\| `(\w+)`(\*?) \| (.+?) \| (.+?) \| (.+?) \| .+ \|$/gm)];
const reasons = [...text.matchAll(/^\| `(\w+)` \| ([^|]+?) \|$/gm)];
const quote = (value) => JSON.stringify(value);
const entry = ([, id, star, label, unit, definition]) =>
  `  [${[id, label, unit, definition].map(quote).join(", ")}, ${star === "*"}],`;
const written = [
  "// Generated from docs/reference/metrics.md by `npm run metrics`; `npm run check` compares.",
  "",
  "/** Id, label, unit, definition, and whether it is scaled to a year. */",
  "export const CATALOGUE = [",
  ...rows.map(entry),
  "] as const;",
  "",
  "/** Why a metric is undefined. */",
  "export const REASONS: Record<string, string> = {",
  ...reasons.map(([, code, meaning]) => `  ${code}: ${quote(meaning)},`),
  "};",
  "",
].join("\n");
if (rows.length < 10) throw new Error("docs/reference/metrics.md has no table of metrics");
if (!process.argv.includes("--check")) {
  writeFileSync(target, written);
} else if (readFileSync(target, "utf8") !== written) {
  console.error("src/metrics/catalogue.ts is not what docs/reference/metrics.md says: npm run metrics");
  process.exit(1);
}
