// Builds the page into a folder: node build.mjs FOLDER. The same source gives the same bytes.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";

import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "dist"));

// What is built in has authors, and their license goes with it.
const preact = JSON.parse(await readFile(path.join(here, "node_modules/preact/package.json"), "utf8"));
const license = await readFile(path.join(here, "node_modules/preact/LICENSE"), "utf8");
const banner = `/*!\nPart of Plano, Apache-2.0. Contains Preact ${preact.version}:\n\n${license.trim()}\n*/`;

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: "ascii",
  legalComments: "inline",
  target: ["chrome123", "firefox121", "safari17.5"],
  write: false,
  logLevel: "warning",
};
const script = await build({
  ...shared,
  entryPoints: ["src/main.tsx"],
  format: "iife",
  jsx: "automatic",
  jsxImportSource: "preact",
  banner: { js: banner },
});
const style = await build({ ...shared, entryPoints: ["src/style/app.css"] });
const html = (await readFile(path.join(here, "src/index.html"), "utf8")).replace(/>\s+</g, "><").trim();

const icon = (await readFile(path.join(here, "src/icon.svg"), "utf8")).replace(/>\s+</g, "><").trim();

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await writeFile(path.join(out, "index.html"), `${html}\n`);
await writeFile(path.join(out, "icon.svg"), `${icon}\n`);
await writeFile(path.join(out, "app.js"), script.outputFiles[0].contents);
await writeFile(path.join(out, "app.css"), style.outputFiles[0].contents);
