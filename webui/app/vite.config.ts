import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// `OVERHEAR=http://127.0.0.1:8081 npm run dev` shows the page from here on a running overhear.
const server = process.env["OVERHEAR"] ?? "http://127.0.0.1:8081";

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: ["chrome120", "firefox121", "safari17"],
    // the content security policy allows neither data: addresses nor inline scripts
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: { "/api": { target: server, changeOrigin: true } },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
