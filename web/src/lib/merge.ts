// New arrivals into a list that is on the screen.

import type { Reply, Summary } from "./api.ts";

export type Held = { rows: Summary[]; held: number; dropped: number };

export type Merged = {
  rows: Summary[];
  /** Traces that were not in the list before. */
  added: number;
  /** The list can no longer be trusted: traces were joined or dropped in a way that the reply does not tell. */
  stale: boolean;
};

/** What came since, newest first, before what was there; `whole` says that the list has every trace that is held. */
export function merge(before: Held, reply: Reply, whole: boolean): Merged {
  const arrived = new Set(reply.summaries.map((summary) => summary.trace_id));
  const known = new Set(before.rows.map((summary) => summary.trace_id));
  const added = reply.summaries.filter((summary) => !known.has(summary.trace_id)).length;
  const rows = [...reply.summaries, ...before.rows.filter((summary) => !arrived.has(summary.trace_id))];
  const gone = reply.dropped.traces - before.dropped;
  if (whole && gone > 0) rows.length = Math.min(rows.length, reply.held);
  // Filtered lists cannot count; in whole ones a joined trace shows as one too many.
  const stale = gone < 0 || (whole && rows.length > reply.held) || (!whole && reply.held < before.held);
  return { rows, added, stale };
}
