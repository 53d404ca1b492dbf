// Sends OTLP/JSON to a listener: node test/send.mjs PORT fills it with a day of traces.

import { fileURLToPath } from "node:url";

import { day, large, hostile } from "./fixtures.mjs";

/** Sends one request's worth and waits until it is accepted. */
export async function send(port, otlp) {
  const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(otlp),
  });
  const told = await response.text();
  if (!response.ok || told.includes("rejectedSpans")) throw new Error(`the listener refused: ${response.status} ${told}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2]);
  await send(port, large(9, Date.now() - 7_200_000, 10_000));
  await send(port, hostile(8, Date.now() - 6_000_000));
  for (const otlp of day(Date.now())) await send(port, otlp);
}
