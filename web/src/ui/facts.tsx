// What a trace amounts to, below its waterfall, with the colors of the roles in it.

import type { JSX } from "preact";

import type { Outline, Role } from "../lib/api.ts";
import { cost, grouped } from "../lib/format.ts";
import { Figure } from "./bits.tsx";

const ROLES: Role[] = ["inbound", "orchestrator", "routing", "agent", "filter", "handoff", "llm"];

export function Facts({ outline }: { outline: Outline }): JSX.Element {
  const { facts, rows } = outline;
  const present = new Set(rows.map((row) => row.role));
  const wait = (millis: number) => (millis < 10_000 ? `${Math.round(millis)}` : grouped(millis));
  return (
    <footer class="status facts">
      <Figure label={rows.length === 1 ? "span" : "spans"}>{grouped(rows.length)}</Figure>
      <Figure label={facts.errors === 1 ? "error" : "errors"} {...(facts.errors > 0 ? { tone: "bad" as const } : {})}>
        {grouped(facts.errors)}
      </Figure>
      {(facts.tokens_in > 0 || facts.tokens_out > 0) && (
        <span class="figure" title="tokens sent to models, and tokens that they wrote">
          tokens <b>{grouped(facts.tokens_in)}</b> in <b>{grouped(facts.tokens_out)}</b> out
        </span>
      )}
      {facts.first_token !== null && (
        <span class="figure" title="time to the first token, the shortest and the longest of the model calls">
          first token{" "}
          <b>
            {wait(facts.first_token[0])}
            {Math.round(facts.first_token[0]) < Math.round(facts.first_token[1]) && `–${wait(facts.first_token[1])}`} ms
          </b>
        </span>
      )}
      {typeof facts.cost_usd === "number" && (
        <span class="figure" title="what the spans say that their calls cost, else the list price of their tokens">
          cost {(facts.unpriced ?? 0) > 0 && "at least "}
          <b>{cost(facts.cost_usd)}</b>
        </span>
      )}
      <span class="grow" />
      <span class="roles" aria-label="Colors of the bars">
        {ROLES.filter((role) => present.has(role)).map((role) => (
          <span key={role}>
            <i class={`swatch r-${role}`} aria-hidden="true" /> {role}
          </span>
        ))}
      </span>
    </footer>
  );
}
