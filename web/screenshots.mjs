// Draws the page for people to look at: node screenshots.mjs FOLDER [VIEW…]. PLANO names the binary of the listener.

import { mkdir } from "node:fs/promises";
import path from "node:path";

import { agentRequest, day, hostile, large, traceId } from "./test/fixtures.mjs";
import { browser, listener, watched } from "./test/browser/stand.mjs";

const folder = path.resolve(process.argv[2] ?? "shots");
await mkdir(folder, { recursive: true });
/** Views that are wanted; none are all. */
const only = process.argv.slice(3);
const held = await listener();
const chromium = await browser();
try {
  const empty = await watched(chromium, held.url, { colorScheme: "light" });
  await empty.page.goto(held.url);
  await empty.page.getByText("Waiting for the first trace").waitFor();
  await empty.page.screenshot({ path: path.join(folder, "empty-light.png") });
  await empty.context.close();

  const now = Date.now();
  await held.send(large(9, now - 7_200_000, 10_000));
  await held.send(hostile(8, now - 6_000_000));
  for (const otlp of day(now)) await held.send(otlp);
  await held.send(agentRequest(7, now - 9000, "trip-ZX81QK"));
  const id = traceId(7);
  const views = {
    list: ["#/", "[role=row] a"],
    filter: ["#/?filter=llm.modle%3Dgpt-4o", "[role=alert]"],
    waterfall: [`#/trace/${id}`, "#panel mark, #panel .messages"],
    conversation: [`#/trace/${id}`, "#panel .messages"],
    large: [`#/trace/${traceId(9)}`, ".srow"],
    hostile: [`#/trace/${traceId(8)}`, "#panel table, #panel .messages"],
    sessions: ["#/sessions", ".session"],
    session: ["#/session/hr-3", ".timeline li"],
  };
  for (const theme of ["light", "dark"]) {
    for (const [size, width, height] of [["wide", 1280, 800], ["narrow", 390, 844]]) {
      for (const [name, [hash, sign]] of Object.entries(views)) {
        if (only.length > 0 && !only.includes(name)) continue;
        const { page, context } = await watched(chromium, held.url, { colorScheme: theme, viewport: { width, height }, deviceScaleFactor: 1 });
        if (name === "conversation") await page.addInitScript(() => localStorage.setItem("plano.split", "48"));
        await page.goto(held.url + hash);
        if (size === "narrow" && name === "conversation") {
          await page.locator(".srow .chip.quality").first().waitFor();
          await page.locator(".srow", { has: page.locator(".flag") }).first().click();
        }
        if (!(size === "narrow" && ["waterfall", "hostile"].includes(name))) await page.locator(sign).first().waitFor();
        else await page.locator(".srow").first().waitFor();
        if (name === "waterfall" && size === "wide") {
          await page.locator(".srow", { hasText: "tool find_booking" }).click();
          await page.locator("#panel:not(.stale) table").waitFor();
        }
        if (name === "conversation") await page.locator("#panel mark").last().evaluate((mark) => mark.scrollIntoView({ block: "end" }));
        await page.waitForTimeout(250);
        await page.screenshot({ path: path.join(folder, `${name}-${theme}-${size}.png`) });
        await context.close();
      }
    }
  }
} finally {
  await chromium.close();
  await held.stop();
}
