// The page from its source, with the traces of a running listener: node dev/serve.mjs [PORT [PAGE_PORT]]. Every reload builds it anew,
// so that work on the page needs no build of the binary. Loopback only; never part of what ships.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

const [port = 4400, listener = 4319] = process.argv.slice(2).map(Number);
const run = promisify(execFile);
const here = fileURLToPath(new URL("..", import.meta.url));
const FILES = { "/": ["index.html", "text/html"], "/app.js": ["app.js", "text/javascript"], "/app.css": ["app.css", "text/css"], "/icon.svg": ["icon.svg", "image/svg+xml"] };

const server = createServer(async (asked, answer) => {
  const file = FILES[new URL(asked.url, "http://x").pathname];
  if (file === undefined) {
    const passed = request({ host: "127.0.0.1", port: listener, path: asked.url, method: asked.method }, (told) => {
      answer.writeHead(told.statusCode ?? 502, told.headers);
      told.pipe(answer);
    });
    passed.on("error", (error) => answer.headersSent ? answer.destroy() : answer.writeHead(502).end(JSON.stringify({ error: error.message })));
    answer.on("close", () => passed.destroy());
    passed.end();
    return;
  }
  try {
    if (file[0] === "index.html") await run(process.execPath, ["build.mjs", "dist"], { cwd: here });
    const bytes = await readFile(new URL(`../dist/${file[0]}`, import.meta.url));
    answer.writeHead(200, { "content-type": file[1], "cache-control": "no-store" }).end(bytes);
  } catch (error) {
    answer.writeHead(500, { "content-type": "text/plain" }).end(String(error.stderr ?? error));
  }
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/ shows what the listener's page at ${listener} holds`));
