// A script of overhear. Start it with: overhear run --script example.js
// What there is: overhear script types > overhear.d.ts
/// <reference path="overhear.d.ts" />
// @ts-check

// Only these flows are given to it, in the filter language; without it, all are.
export const filter = "host:example.com";

// Survives between calls; lost when the file is saved, and after a call that took too long or too much memory.
let asked = 0;

/** @type {overhear.OnRequest} */
export function onRequest(request, flow) {
  asked += 1;
  request.headers.set("X-Asked", String(asked));
  if (request.path === "/health") {
    return new overhear.Response({ healthy: true }, { headers: { "Cache-Control": "no-store" } });
  }
  if (request.path.startsWith("/ads/")) return overhear.block();
  flow.tags.add("seen");
}

/**
 * @param {overhear.Response} response
 * @param {overhear.Flow} flow
 */
export async function onResponse(response, flow) {
  if (response.headers.get("Content-Type")?.startsWith("application/json")) {
    response.body.json.changedBy = "a script";
  }
  console.log(flow.request.url, response.status);
}
