// A listener and a browser for a test, and what ends them. PLANO names the binary.

import { spawn } from "node:child_process";
import { createServer } from "node:net";

import { chromium } from "playwright-core";

import { send } from "../send.mjs";

/** How long a process may take to begin. */
const PATIENCE = 20_000;

/** Ports that were free a moment ago. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function answers(url) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not yet.
    }
    if (Date.now() > end) throw new Error(`${url} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Starts a listener that holds nothing; `stop` ends it, `start` begins one on the same ports. */
export async function listener(more = []) {
  const [grpc, http, page] = await freePorts(3);
  const binary = process.env.PLANO;
  if (!binary) throw new Error("PLANO names no binary; web/check sets it");
  let child = null;
  const held = {
    url: `http://127.0.0.1:${page}/`,
    port: http,
    send: (traces) => send(http, traces),
    async start() {
      const args = ["trace", "listen", "--host", "127.0.0.1", "--port", grpc, "--http-port", http, "--page-port", page, ...more].map(String);
      child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
      let said = "";
      child.stderr.on("data", (part) => (said = (said + part).slice(-4000)));
      try {
        await answers(`${held.url}api/info`);
      } catch (error) {
        throw new Error(`${error.message}; the listener said: ${said}`);
      }
    },
    async stop() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(killer);
    },
  };
  await held.start();
  return held;
}

/** A headless Chromium. */
export function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // As root there is no sandbox to be had; the page under test is our own.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}

/**
 * A page that keeps a record of what must not happen: requests to elsewhere, messages on the console, dialogs. `calm()` fails with
 * what there was.
 */
export async function watched(browser, url, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...more });
  const page = await context.newPage();
  const wrongs = [];
  const own = new URL(url).origin;
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== own) wrongs.push(`request to ${request.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") wrongs.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrongs.push(`error: ${error.stack ?? error.message}`));
  page.on("dialog", (dialog) => {
    wrongs.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  return {
    page,
    context,
    wrongs,
    /** Lets pass what a test brought about itself. */
    forgive: (pattern) => void wrongs.splice(0, wrongs.length, ...wrongs.filter((wrong) => !pattern.test(wrong))),
    async calm() {
      const violations = await page.evaluate(() => window.violations);
      const all = [...wrongs, ...violations.map((violation) => `policy: ${violation}`)];
      if (all.length > 0) throw new Error(`what must not happen:\n${all.join("\n")}`);
    },
  };
}
