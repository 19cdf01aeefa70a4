// Runs a TypeScript file of this folder on Node 20: `node scripts/run.mjs e2e/journey.ts [ARGUMENT..]`.
import { resolve } from "node:path";
import { runnerImport } from "vite";

const [file, ...rest] = process.argv.slice(2);
process.argv.splice(2, Infinity, ...rest);
await runnerImport(resolve(file), { configFile: false });
