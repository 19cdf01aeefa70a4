import { gzipSync } from "node:zlib";

import type { Plugin } from "vite";

/**
 * Fails the build when opening the page costs more than `maximum` bytes after gzip.
 *
 * A first load is the entry with what it imports, plus the dearest view that is not in it, with what that imports.
 * The charts are left out: a view asks for them after it is drawn.
 */
export function firstLoadBudget(maximum: number): Plugin {
  return {
    name: "first-load-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const size = (name: string): number => {
        const file = bundle[name];
        if (!file) return 0;
        return gzipSync(file.type === "chunk" ? file.code : file.source).length;
      };
      const closure = (name: string, seen = new Set<string>()): Set<string> => {
        const file = bundle[name];
        if (seen.has(name) || file?.type !== "chunk") return seen;
        seen.add(name);
        file.viteMetadata?.importedCss.forEach((css) => seen.add(css));
        file.imports.forEach((next) => closure(next, seen));
        return seen;
      };
      const total = (names: Set<string>) => [...names].reduce((sum, name) => sum + size(name), 0);
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const entry = chunks.find((file) => file.isEntry);
      if (!entry) return;
      const views = chunks.filter((file) => file.facadeModuleId?.includes("/src/views/"));
      const loads = [entry, ...views].map((view) => ({
        view: view.name,
        bytes: total(closure(view.fileName, closure(entry.fileName))),
      }));
      loads.sort((a, b) => b.bytes - a.bytes);
      for (const { view, bytes } of loads) {
        this.info(`first load of ${view}: ${(bytes / 1000).toFixed(1)} kB gz`);
      }
      const worst = loads[0];
      if (worst && worst.bytes > maximum) {
        this.error(`the first load of ${worst.view} is ${worst.bytes} bytes, over ${maximum}`);
      }
    },
  };
}
