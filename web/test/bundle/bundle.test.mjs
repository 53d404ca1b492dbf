// What is committed in dist/: small, complete, and without a way to anywhere else.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";

const dist = new URL("../../dist/", import.meta.url);
const read = (name) => readFile(new URL(name, dist), "utf8");

/** Names of XML namespaces; nobody fetches them. */
const NAMESPACES = /http:\/\/www\.w3\.org\/(2000\/svg|1999\/xhtml|1998\/Math\/MathML|1999\/xlink|XML\/1998\/namespace)/g;

test("the bundle is these files and small", async () => {
  const names = (await readdir(dist)).sort();
  assert.deepEqual(names, ["app.css", "app.js", "icon.svg", "index.html"]);
  let total = 0;
  for (const name of names) total += (await read(name)).length;
  console.log(`the page is ${total} bytes`);
  assert.ok(total < 150_000, `${total} bytes`);
});

test("it points to itself only", async () => {
  const html = await read("index.html");
  const targets = [...html.matchAll(/\b(?:src|href|action|srcset|poster|data)\s*=\s*"([^"]*)"/g)].map((match) => match[1]);
  assert.deepEqual(targets.sort(), ["app.css", "app.js", "icon.svg"]);
  assert.ok(!/<style|style=|<script>|\son\w+=/i.test(html), "nothing inline, as the policy has it");
  const css = await read("app.css");
  assert.ok(!/url\(|@import|@font-face/i.test(css));
  for (const name of ["index.html", "app.css", "app.js", "icon.svg"]) {
    const text = (await read(name)).replace(NAMESPACES, "");
    // The page tells where to send traces: to this machine.
    const found = [...text.matchAll(/(?:https?|wss?|ftp):\/\/[^\s"'`)]*/gi)].map((match) => match[0]).filter((url) => !/^http:\/\/localhost:\$\{/.test(url));
    assert.deepEqual(found, [], name);
    assert.ok(!/["'`(=]\/\/[a-z0-9]/i.test(name === "app.js" ? "" : text), `${name}: an address without a scheme`);
  }
});

test("it never makes HTML of text and runs no text as code", async () => {
  const source = await sources(new URL("../../src/", import.meta.url));
  assert.ok(source.length > 20);
  for (const { name, text } of source) {
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc/.test(text), name);
  }
});

test("licenses of what is built in go with it", async () => {
  const script = await read("app.js");
  assert.match(script, /Contains Preact \d/);
  assert.match(script, /The above copyright notice and this permission notice shall be included/);
});

test("the lock file names no host of a registry", async () => {
  const lock = JSON.parse(await readFile(new URL("../../package-lock.json", import.meta.url), "utf8"));
  for (const [name, held] of Object.entries(lock.packages)) {
    assert.equal(held.resolved, undefined, name);
    if (name !== "") assert.match(held.integrity ?? "", /^sha512-/, name);
  }
  const own = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  for (const version of Object.values({ ...own.dependencies, ...own.devDependencies })) assert.match(version, /^\d+\.\d+\.\d+$/);
});

async function sources(folder) {
  const found = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const at = new URL(entry.isDirectory() ? `${entry.name}/` : entry.name, folder);
    if (entry.isDirectory()) found.push(...(await sources(at)));
    else found.push({ name: entry.name, text: await readFile(at, "utf8") });
  }
  return found;
}
