/** How the page is built, served while developing, and tested. */
import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const backend = "http://127.0.0.1:8080";

/** Puts Swagger UI's files beside the page, so that /docs works without a network. */
function apiDocs(): Plugin {
  const source = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  let outDir = "";
  return {
    name: "api-docs",
    apply: "build",
    configResolved: (config) => {
      outDir = join(config.root, config.build.outDir, "docs");
    },
    closeBundle: () => {
      mkdirSync(outDir, { recursive: true });
      for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"])
        copyFileSync(join(source, file), join(outDir, file));
    },
  };
}

export default defineConfig({
  plugins: [react(), apiDocs()],
  build: {
    outDir: "../build/frontend",
    emptyOutDir: true,
    target: "es2023",
    // The map's libraries are one lazy chunk of about a megabyte; the list and the shell paint without it.
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "map", test: /node_modules\/(maplibre-gl|@maplibre|@deck\.gl|@luma\.gl|@math\.gl|@loaders\.gl)\// },
            { name: "react", test: /node_modules\/(react|react-dom|scheduler)\// },
            { name: "mui", test: /node_modules\/(@mui|@emotion)\// },
          ],
        },
      },
    },
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/v1/live": { target: backend, ws: true },
      "/v1": backend,
      "/map": backend,
      "/docs": backend,
      "/openapi.json": backend,
    },
  },
  test: {
    // Components ask for jsdom in their first line; everything else needs no document.
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}", "map-build/**/*.test.mjs"],
    restoreMocks: true,
  },
});
