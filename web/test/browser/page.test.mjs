// The page in a real browser against a real listener. PLANO names the binary; node --test runs it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { HOSTILE, agentRequest, failed, hostile, large, odd, traceId, turn } from "../fixtures.mjs";
import { browser, listener, watched } from "./stand.mjs";

/** How long a large trace may take to be drawn on a busy machine; a quiet one needs a tenth. */
const PATIENCE = 3000;

const AGENT = 7;
const ODD = 6;
const HOSTILE_TRACE = 8;
const LARGE = 9;
const FIRST = 100;

let held;
let chromium;

before(async () => {
  held = await listener();
  chromium = await browser();
});

after(async () => {
  await chromium?.close();
  await held?.stop();
});

/** A test with a page of its own, which ends only if nothing happened that must not. */
function scene(name, act, more = {}) {
  test(name, async () => {
    const stage = await watched(chromium, held.url, more);
    const open = async (hash, sign) => {
      await stage.page.goto(held.url + hash);
      if (sign !== undefined) await stage.page.locator(sign).first().waitFor();
    };
    try {
      await act({ ...stage, open });
      await stage.calm();
    } finally {
      await stage.context.close();
    }
  });
}

const row = (page, text) => page.locator(".lrow:not(.lhead)", { hasText: text });
const span = (page, text) => page.locator(".srow", { hasText: text });
const hash = (page) => new URL(page.url()).hash;
const until = (page, what, argument) => page.waitForFunction(what, argument);

scene("an empty listener tells how to send, and the first trace appears without a reload", async ({ page, open }) => {
  await open("");
  await page.getByText("Waiting for the first trace").waitFor();
  assert.match(await page.locator(".empty").innerText(), /OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/localhost:\d+/);
  await page.locator(".live.live").waitFor();
  await page.evaluate(() => (window.sameDocument = true));
  const now = Date.now();
  await held.send(turn(FIRST, now - 30_000, "chat-1", "bookshop", [["user", "Hello"], ["assistant", "Good day"]]));
  await row(page, "chat bookshop").waitFor();
  assert.equal(await page.evaluate(() => window.sameDocument), true);
  // What the other tests look at.
  await held.send(large(LARGE, now - 3_600_000, 10_000));
  await held.send(hostile(HOSTILE_TRACE, now - 50_000));
  await held.send(odd(ODD, now - 40_000));
  await held.send(failed(FIRST + 1, now - 26_000, 503, "upstream_unavailable", "no healthy host"));
  await held.send(failed(FIRST + 2, now - 25_000, 429, "rate_limited", "too many tokens a minute"));
  await held.send(failed(FIRST + 3, now - 24_000, 500, "internal_error", "the model crashed"));
  await held.send(turn(FIRST + 4, now - 20_000, "chat-1", "bookshop", [["user", "Where is it?"], ["assistant", "On its way"]]));
  await held.send(agentRequest(AGENT, now - 10_000, "trip-1"));
  await row(page, "/agents/v1/chat/completions").waitFor();
});

scene("the list shows the newest first, with flag and quality at a glance", async ({ page, open }) => {
  await open("#/", ".lrow.lhead ~ .lines .lrow");
  const first = page.locator(".lines .lrow").first();
  assert.match(await first.innerText(), /\/agents\/v1\/chat\/completions/);
  assert.equal(await first.locator(".flag").getAttribute("aria-label"), "flagged");
  assert.equal(await first.locator(".quality").innerText(), "Severe");
  assert.match(await first.locator(".c-tokens").innerText(), /3,5\d\d/);
  assert.match(await first.locator(".c-duration").innerText(), /8\.04s/);
  assert.match(await first.locator(".c-time").getAttribute("title"), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
  assert.match(await page.locator(".status").innerText(), /9 traces/);
});

scene("the filter narrows the list, and what it does not understand is told below it", async ({ page, open, forgive }) => {
  await open("#/", ".lines .lrow");
  const line = page.getByRole("combobox", { name: "Filter" });
  await page.keyboard.press("/");
  await line.fill("http.status_code=503");
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 1);
  assert.match(hash(page), /filter=http\.status_code/);
  await line.fill("llm.modle=gpt-4o");
  const fault = page.getByRole("alert");
  await fault.getByText("llm.modle").waitFor();
  assert.match(await fault.innerText(), /did you mean "\S+"/);
  await line.fill("duration>soon");
  await fault.getByText("duration").waitFor();
  // The browser itself puts a refused request on the console.
  forgive(/status of 400/);
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 9);
  await page.getByRole("button", { name: "flagged" }).click();
  await until(page, () => [...document.querySelectorAll(".lines .lrow")].every((row) => row.querySelector(".flag")));
  await page.getByRole("button", { name: "flagged" }).click();
  await page.getByRole("button", { name: "errors", exact: true }).click();
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 5);
  await page.reload();
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 5);
  await page.getByRole("button", { name: "errors", exact: true }).click();
  await page.getByLabel("Time window").selectOption("30m");
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 8);
});

scene("keys are suggested while one is typed", async ({ page, open }) => {
  await open("#/", ".lines .lrow");
  const line = page.getByRole("combobox", { name: "Filter" });
  await Promise.all([page.waitForResponse(/api\/keys/), line.focus()]);
  await line.pressSequentially("llm.mod");
  await page.getByRole("option", { name: "llm.model" }).waitFor();
  await line.press("ArrowDown");
  await line.press("Enter");
  assert.equal(await line.inputValue(), "llm.model=");
  await line.pressSequentially("gpt-4o-mini");
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 4);
});

scene("a trace opens as a waterfall, and back leads to the list that was left", async ({ page, open }) => {
  await open("#/?filter=status%3Derror", ".lines .lrow");
  await row(page, "POST /v1/chat/completions").first().click();
  await page.locator(".srow.failed").first().waitFor();
  assert.equal(await page.locator(".srow").count(), 2);
  assert.match(await page.locator(".spanhead .error").innerText(), /the model crashed/);
  assert.match(await page.locator(".facts").innerText(), /2 spans[\s\S]*2 errors/);
  assert.match(await span(page, "gpt-4o").innerText(), /500/);
  await page.goBack();
  await page.locator(".lines .lrow").first().waitFor();
  assert.equal(hash(page), "#/?filter=status%3Derror");
  assert.equal(await page.getByRole("combobox", { name: "Filter" }).inputValue(), "status=error");
});

scene("the tree folds, searches and is walked by keys", async ({ page, open }) => {
  await open(`#/trace/${traceId(AGENT)}`, ".srow");
  assert.equal(await page.locator(".srow").count(), 16);
  const selected = page.locator(".srow.selected");
  // It begins at what is flagged.
  assert.match(await selected.innerText(), /gpt-4o/);
  await page.keyboard.press("g");
  assert.match(await selected.innerText(), /\/agents\/v1\/chat\/completions/);
  assert.equal(await selected.getAttribute("aria-expanded"), "true");
  await page.keyboard.press("h");
  await until(page, () => document.querySelectorAll(".srow").length === 1);
  assert.equal(await selected.getAttribute("aria-expanded"), "false");
  await page.keyboard.press("l");
  await until(page, () => document.querySelectorAll(".srow").length === 16);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  assert.match(await selected.innerText(), /travel_booking_service/);
  await page.keyboard.press("ArrowRight");
  assert.match(await selected.innerText(), /gpt-4o-mini/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await selected.innerText(), /travel_booking_service/);
  await page.keyboard.press("f");
  assert.equal(await selected.locator(".flag").count(), 1);
  await page.keyboard.press("H");
  await until(page, () => document.querySelectorAll(".srow").length === 5);
  await page.keyboard.press("L");
  await page.keyboard.press("/");
  await page.getByRole("searchbox", { name: "Search in this trace" }).fill("find_booking");
  await until(page, () => document.querySelectorAll(".srow:not(.dim)").length === 1);
  assert.equal(await page.locator(".srow.dim").count(), 4);
  await page.keyboard.press("Enter");
  assert.match(await selected.innerText(), /find_booking/);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("z");
  await page.getByRole("button", { name: "zoomed" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.locator(".lines .lrow").first().waitFor();
});

scene("the list is walked by keys too, and ? tells them", async ({ page, open }) => {
  await open("#/", ".lines .lrow");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  assert.match(await page.locator(".lrow.selected").innerText(), /agents/);
  await page.keyboard.press("e");
  assert.equal(await page.locator(".lrow.selected .chip.bad").count(), 1);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  const chosen = await page.locator(".lrow.selected").getAttribute("id");
  await page.keyboard.press("j");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await page.locator(".lrow.selected").getAttribute("id"), chosen, "a key behind the sheet does nothing");
  await page.keyboard.press("Enter");
  await page.locator(".srow").first().waitFor();
  assert.match(hash(page), /^#\/trace\/[0-9a-f]{32}/);
});

scene("a conversation reads as one, with the phrases of its signals marked", async ({ page, open }) => {
  await open(`#/trace/${traceId(AGENT)}`, "#panel .messages");
  const tab = page.getByRole("tab", { selected: true });
  assert.match(await tab.innerText(), /Conversation/);
  assert.match(await page.locator(".verdict").innerText(), /Severe/);
  const roles = await page.locator(".message .who").allInnerTexts();
  assert.deepEqual(roles.slice(0, 3).map((role) => role.split("\n")[0]), ["system", "user", "assistant"]);
  assert.match(await page.locator(".call").first().innerText(), /find_booking[\s\S]*"reference": "ZX81QK"/);
  const escalation = page.locator('mark[data-signals*="interaction.disengagement.escalation"]').first();
  assert.match(await escalation.innerText(), /human|manager/);
  await escalation.focus();
  assert.match(await page.getByRole("tooltip").innerText(), /interaction\.disengagement\.escalation/);
  await page.getByRole("group", { name: "Signals" }).getByRole("button", { name: "escalation" }).click();
  assert.match(await page.evaluate(() => document.activeElement?.dataset.signals ?? ""), /escalation/);
  // Lines of a message stay lines.
  assert.match(await page.locator(".m-system .text").innerText(), /money\.\nQuote/);
});

scene("a span is shown in all its parts", async ({ page, open }) => {
  await open(`#/trace/${traceId(FIRST + 1)}`, "#panel table");
  await page.getByRole("tab", { name: /Attributes/ }).click();
  assert.match(await page.locator("#panel").innerText(), /error\.type\s+upstream_unavailable/);
  await page.keyboard.press("]");
  await page.locator(".exception").waitFor();
  assert.match(await page.locator("#panel").innerText(), /exception\.stacktrace[\s\S]*\n\s+at attempt/);
  await page.getByRole("tab", { name: "Resource" }).click();
  assert.match(await page.locator("#panel").innerText(), /deployment\.environment\.name\s+staging/);
  await page.getByRole("tab", { name: "JSON" }).click();
  const json = JSON.parse(await page.locator("#panel .code").evaluate((code) => code.textContent));
  assert.equal(json.traceId, traceId(FIRST + 1));
  await page.getByRole("tab", { name: /Attributes/ }).click();
  await page.getByRole("row", { name: "error.type" }).getByRole("button", { name: /^Traces where/ }).click();
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 1);
});

scene("a link to a span opens it, and its trace is a file away", async ({ page, open }) => {
  const place = traceId(AGENT);
  await open(`#/trace/${place}`, ".srow");
  await span(page, "SELECT bookings").click();
  const link = hash(page);
  assert.match(link, /\/span\/[0-9a-f]{16}$/);
  await page.goto("about:blank");
  await page.goto(held.url + link);
  await page.locator(".srow.selected", { hasText: "SELECT bookings" }).waitFor();
  await page.locator("#panel", { hasText: "db.query.text" }).waitFor();
  for (const [name, sign] of [["JSON", '"traces"'], ["OTLP", '"resourceSpans"']]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".actions a", { hasText: name }).click()]);
    const parts = [];
    for await (const part of await download.createReadStream()) parts.push(part);
    const text = Buffer.concat(parts).toString();
    JSON.parse(text);
    assert.ok(text.includes(sign), name);
  }
});

scene("names, values and messages that would be more are text", async ({ page, open }) => {
  await open("#/", ".lines .lrow");
  const line = row(page, "<script>");
  assert.match(await line.innerText(), /\\u\{202e\}gnp\.exe\\x1b\[31m/);
  await line.click();
  await span(page, "openai.chat").click();
  await page.locator("#panel .messages").waitFor();
  const said = await page.locator("#panel").innerText();
  assert.match(said, /<script>alert\(6\)<\/script>\\u\{202e\}/);
  assert.match(said, /<\/pre><script>alert\(8\)<\/script>/);
  for (const name of ["Events", "Links", "Resource", "JSON", "Attributes"]) await page.getByRole("tab", { name: new RegExp(name) }).click();
  await page.locator(".srow").first().click();
  await page.locator("#panel", { hasText: "polluted" }).waitFor();
  const attributes = await page.locator("#panel").innerText();
  assert.match(attributes, /<b>key<\/b>\\u\{2066\}/);
  assert.match(attributes, /two \\x07\\u\{200b\}<svg onload=alert\(2\)>/);
  await page.goto(`${held.url}#/session/${encodeURIComponent(HOSTILE.session)}`);
  await page.locator(".timeline li").first().waitFor();
  await page.goto(`${held.url}#/sessions`);
  await page.locator(".session", { hasText: "<i>session</i>" }).waitFor();
  await page.waitForTimeout(200);
  // Nothing of it became an element, and nothing steers the text.
  assert.equal(await page.locator("#app script, #app img, #app i:not([class]) > *, #app u, #app b > b").count(), 0);
  assert.ok(!/[\u202e\u2066\u001b\u0007\u200b]/.test(await page.locator("#app").innerText()));
  assert.match(await page.title(), /^(Plano|GET <script>)/);
});

scene("odd shapes are said", async ({ page, open }) => {
  await open(`#/trace/${traceId(ODD)}`, ".srow");
  assert.match(await page.locator(".notes").innerText(), /parent/);
  assert.equal(await page.locator(".odd").count(), 2);
});

scene("a trace of 10,000 spans opens at once and is walked to its end", async ({ page, open }) => {
  await open("#/", ".lines .lrow");
  const took = await page.evaluate(async (id) => {
    const begin = performance.now();
    location.hash = `#/trace/${id}`;
    while (!document.querySelector(".srow")) await new Promise((resolve) => requestAnimationFrame(resolve));
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - begin;
  }, traceId(LARGE));
  console.log(`a trace of 10,000 spans is drawn ${Math.round(took)} ms after the click`);
  assert.ok(took < PATIENCE, `${took} ms`);
  assert.ok((await page.locator(".srow").count()) < 120, "only rows in sight are made");
  const step = await page.evaluate(async () => {
    const box = document.querySelector(".waterfall");
    let longest = 0;
    for (let at = 0; at < 40; at += 1) {
      const begin = performance.now();
      box.scrollTop = at * 3000;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      longest = Math.max(longest, performance.now() - begin);
    }
    return longest;
  });
  console.log(`the slowest of 40 jumps through it took ${Math.round(step)} ms`);
  await page.keyboard.press("G");
  await until(page, () => document.querySelector('.srow.selected[aria-rowindex="10000"]') !== null);
  await page.keyboard.press("e");
  assert.equal(await page.locator(".srow.selected.failed").count(), 1);
  await page.keyboard.press("x");
  await until(page, () => Number(document.querySelector(".waterfall").getAttribute("aria-rowcount")) < 120);
  assert.ok((await page.locator(".srow.failed").count()) > 3);
});

scene("sessions lead to their traces", async ({ page, open }) => {
  await open("#/sessions", ".session");
  const session = page.locator(".session", { hasText: "chat-1" });
  assert.match(await session.innerText(), /2 traces/);
  assert.equal(await session.locator(".turn").count(), 2);
  await session.getByRole("link", { name: "chat-1", exact: true }).click();
  await until(page, () => document.querySelectorAll(".timeline li").length === 2);
  assert.equal(hash(page), "#/session/chat-1");
  await page.locator(".timeline li a").first().click();
  await page.locator(".srow").first().waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".timeline li").first().waitFor();
  await page.goBack();
  await page.locator(".srow").first().waitFor();
  await page.goBack();
  await page.goBack();
  await page.locator(".session").first().waitFor();
  await page.getByRole("link", { name: "Filter the list by the session chat-1" }).click();
  await until(page, () => document.querySelectorAll(".lines .lrow").length === 2);
});

scene("spans that come late join the trace that is open", async ({ page, open }) => {
  await open(`#/trace/${traceId(FIRST + 4)}`, ".srow");
  await page.locator(".live.live").waitFor();
  assert.equal(await page.locator(".srow").count(), 3);
  const late = turn(FIRST + 4, Date.now() - 20_000, "chat-1", "late-service", []);
  for (const span of late.resourceSpans[0].scopeSpans[0].spans) span.spanId = span.spanId.replace(/^0/, "f");
  await held.send(late);
  await until(page, () => document.querySelectorAll(".srow").length === 6);
});

scene("a pause holds arrivals back until it ends", async ({ page, open }) => {
  await open("#/", ".lines .lrow");
  await page.locator(".live.live").waitFor();
  const before = await page.locator(".lines .lrow").count();
  await page.keyboard.press("p");
  await page.locator(".live.paused").waitFor();
  await held.send(failed(FIRST + 10, Date.now(), 503, "paused", "while paused"));
  await page.waitForTimeout(600);
  assert.equal(await page.locator(".lines .lrow").count(), before);
  await page.keyboard.press("p");
  await until(page, (count) => document.querySelectorAll(".lines .lrow").length === count, before + 1);
});

scene("light and dark follow the system, or the choice that is remembered", async ({ page, open }) => {
  await open("#/", ".lines .lrow");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await ground();
  assert.notEqual(light, dark);
  await page.getByRole("button", { name: /^Theme/ }).click();
  assert.equal(await ground(), light);
  await page.reload();
  await page.locator(".lines .lrow").first().waitFor();
  assert.equal(await ground(), light);
  await page.keyboard.press("t");
  assert.equal(await ground(), dark);
}, { colorScheme: "light" });

scene("a window of 360 pixels shows all of it without a scroll bar below", async ({ page, open }) => {
  const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  await open("#/", ".lines .lrow");
  assert.ok(await fits(), "list");
  await row(page, "/agents/").first().click();
  await page.locator(".srow").first().waitFor();
  assert.ok(await fits(), "trace");
  assert.equal(await page.locator("#detail").count(), 0);
  await page.locator(".srow", { has: page.locator(".flag") }).first().click();
  await page.locator("#panel .messages").waitFor();
  assert.ok(await fits(), "conversation");
  await page.goBack();
  await page.locator("#detail").waitFor({ state: "detached" });
  await page.goto(`${held.url}#/sessions`);
  await page.locator(".session").first().waitFor();
  assert.ok(await fits(), "sessions");
}, { viewport: { width: 360, height: 740 } });

scene("what can be pressed has a name, and ids are there once", async ({ page, open }) => {
  for (const [place, sign] of [["#/", ".lines .lrow"], [`#/trace/${traceId(AGENT)}`, "#panel .messages"], ["#/sessions", ".session"]]) {
    await open(place, sign);
    const wrong = await page.evaluate(() => {
      const nameless = [...document.querySelectorAll("button, a, input, select, [role=grid], [role=treegrid], [role=tablist], [role=separator]")].filter(
        (element) => !(element.textContent?.trim() || element.getAttribute("aria-label") || element.labels?.length),
      );
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      const missing = [...document.querySelectorAll("[aria-activedescendant], [aria-controls], [aria-labelledby]")].flatMap((element) =>
        ["aria-activedescendant", "aria-labelledby"].map((name) => element.getAttribute(name)).filter((id) => id && !document.getElementById(id)),
      );
      return [...nameless.map((element) => element.outerHTML.slice(0, 120)), ...ids.filter((id, at) => ids.indexOf(id) !== at), ...missing];
    });
    assert.deepEqual(wrong, [], place);
  }
});

for (const colorScheme of ["light", "dark"]) {
  scene(`text stands out from its ground in the ${colorScheme} theme`, async ({ page, open }) => {
    const places = [["#/", ".lines .lrow"], [`#/trace/${traceId(AGENT)}`, "#panel .messages"], [`#/trace/${traceId(FIRST + 1)}`, "#panel table"], ["#/sessions", ".session"]];
    for (const [place, sign] of places) {
      await open(place, sign);
      const faint = await page.evaluate(() => {
        const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const rgba = (color) => {
          pen.clearRect(0, 0, 1, 1);
          pen.fillStyle = color;
          pen.fillRect(0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
        };
        const over = (above, below) => [0, 1, 2].map((at) => above[at] * above[3] + below[at] * (1 - above[3])).concat(1);
        const light = (color) => {
          const [r, g, b] = color.slice(0, 3).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (element) => {
          const layers = [];
          for (let at = element; at !== null; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
          return layers.reverse().reduce((below, above) => over(above, below), [1, 1, 1, 1]);
        };
        const found = new Set();
        for (const element of document.querySelectorAll("#app *")) {
          const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
          if (!own || !element.checkVisibility({ opacityProperty: true }) || element.closest(".flag, .offscreen, .skip")) continue;
          const below = ground(element);
          const [dark, bright] = [light(over(rgba(getComputedStyle(element).color), below)), light(below)].sort((a, b) => a - b);
          const ratio = (bright + 0.05) / (dark + 0.05);
          if (ratio < 4.5) found.add(`${element.className || element.parentElement.className} ${element.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
        }
        return [...found];
      });
      assert.deepEqual(faint, [], place);
    }
  }, { colorScheme });
}

scene("a trace that is gone says so", async ({ page, open, forgive }) => {
  await open("#/trace/00000000000000000000000000abcdef", "[role=alert]");
  assert.match(await page.getByRole("alert").innerText(), /cannot be shown[\s\S]*no trace/);
  forgive(/status of 404/);
  await page.keyboard.press("Escape");
  await page.locator(".lines .lrow").first().waitFor();
});

// The last one: it ends the listener.
scene("a listener that goes away is told calmly, and its return is noticed", async ({ page, open, forgive }) => {
  await open("#/", ".lines .lrow");
  await page.locator(".live.live").waitFor();
  await held.stop();
  await page.locator(".live.lost").waitFor();
  assert.ok((await page.locator(".lines .lrow").count()) > 0, "what was there stays readable");
  await held.start();
  await page.locator(".live.live").waitFor({ timeout: 20_000 });
  await page.getByText("Waiting for the first trace").waitFor();
  await held.send(odd(ODD, Date.now()));
  await row(page, "worker run").waitFor();
  forgive(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|Failed to load resource/);
});
