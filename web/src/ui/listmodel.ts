// The list of traces: pages from the listener, and what arrives meanwhile.

import type { Dropped, Reply, Summary } from "../lib/api.ts";
import { Refusal, ask, isAbort, whatWentWrong } from "../lib/api.ts";
import { joined } from "../lib/filterline.ts";
import { merge } from "../lib/merge.ts";
import type { Selection } from "../lib/route.ts";
import { EVERYTHING } from "../lib/route.ts";
import { live } from "./live.ts";
import { Observable } from "./store.ts";

/** Traces that are asked for at once. */
const PAGE = 200;
/** Arrivals that are asked for at once; with more the list begins anew. */
const ARRIVALS = 400;

class ListModel extends Observable {
  rows: Summary[] = [];
  held = 0;
  newest = 0;
  dropped: Dropped = { traces: 0, spans: 0 };
  /** Why there is no answer to this selection. */
  fault: string | null = null;
  loading = true;
  /** There may be older ones. */
  more = false;
  /** Traces that came while the reader was further down. */
  unseen = 0;
  /** Trace ids that came last, to be shown as new. */
  fresh: ReadonlySet<string> = new Set();
  /** What the reader points at. */
  selected: string | null = null;
  scrollTop = 0;
  selection: Selection = EVERYTHING;
  private request = new AbortController();
  private isAsking = false;
  private askAgain = false;
  private farewell: ReturnType<typeof setTimeout> | undefined;

  /** Begins anew with another selection. */
  select(selection: Selection): void {
    const same = JSON.stringify(selection) === JSON.stringify(this.selection);
    if (same && !this.loading) return;
    this.selection = selection;
    this.scrollTop = 0;
    void this.load(PAGE);
  }

  reload(): Promise<void> {
    return this.load(Math.max(PAGE, this.rows.length));
  }

  private get isWhole(): boolean {
    const { filter, flagged, errors, since } = this.selection;
    return filter.trim() === "" && !flagged && !errors && since === "" && !this.more;
  }

  private params() {
    const { filter, flagged, errors, since } = this.selection;
    return { filter: joined(filter, errors ? "error=true" : ""), flagged, since };
  }

  private async load(limit: number): Promise<void> {
    this.request.abort();
    const request = new AbortController();
    this.request = request;
    this.loading = true;
    this.changed();
    try {
      const reply = await ask<Reply>("/api/traces", { ...this.params(), limit }, request.signal);
      this.rows = reply.summaries;
      this.more = reply.cursor !== null || reply.summaries.length >= limit;
      this.fault = null;
      this.unseen = 0;
      this.fresh = new Set();
      this.take(reply);
    } catch (error) {
      if (isAbort(error)) return;
      this.fault = whatWentWrong(error);
      // A filter that is refused must not show the traces of another one.
      if (error instanceof Refusal && error.status !== 0) {
        this.rows = [];
        this.more = false;
      }
    }
    this.loading = false;
    this.changed();
  }

  private take(reply: Reply): void {
    this.held = reply.held;
    this.newest = reply.newest;
    this.dropped = reply.dropped;
  }

  /** The next page of older ones. */
  async older(): Promise<void> {
    const last = this.rows.at(-1);
    if (!this.more || this.isAsking || this.loading || last === undefined) return;
    this.isAsking = true;
    const { signal } = this.request;
    try {
      const reply = await ask<Reply>("/api/traces", { ...this.params(), limit: PAGE, cursor: last.sequence }, signal);
      const known = new Set(this.rows.map((row) => row.trace_id));
      this.rows = [...this.rows, ...reply.summaries.filter((row) => !known.has(row.trace_id))];
      this.more = reply.cursor !== null || reply.summaries.length >= PAGE;
      this.changed();
    } catch (error) {
      if (!isAbort(error)) this.more = false;
    }
    this.isAsking = false;
  }

  /** Fetches what arrived since; several calls at a time become one. */
  async arrivals(scrolled: boolean): Promise<void> {
    if (this.loading) return;
    if (this.isAsking) {
      this.askAgain = true;
      return;
    }
    this.isAsking = true;
    const { signal } = this.request;
    let stale = this.fault !== null;
    try {
      const params = { ...this.params(), newer_than: this.newest, limit: ARRIVALS };
      const reply = await ask<Reply>("/api/traces", params, signal);
      const before = { rows: this.rows, held: this.held, dropped: this.dropped.traces };
      const merged = merge(before, reply, this.isWhole);
      // Of what is negated a trace may cease to match.
      const negated = this.selection.filter.includes("!") && reply.newest > this.newest;
      stale ||= negated || merged.stale || reply.summaries.length >= ARRIVALS || reply.newest < this.newest;
      this.rows = merged.rows;
      this.greet(reply.summaries.map((row) => row.trace_id));
      this.unseen = scrolled ? this.unseen + merged.added : 0;
      this.take(reply);
      this.changed();
    } catch (error) {
      // A key that no span has yet is refused once more until one has it.
      if (isAbort(error)) return this.done();
    }
    this.done();
    if (stale) await this.reload();
  }

  /** Shows them as new for a moment. */
  private greet(ids: string[]): void {
    if (ids.length === 0) return;
    this.fresh = new Set(ids);
    clearTimeout(this.farewell);
    this.farewell = setTimeout(() => {
      this.fresh = new Set();
      this.changed();
    }, 2500);
  }

  private done(): void {
    this.isAsking = false;
    if (!this.askAgain) return;
    this.askAgain = false;
    setTimeout(() => {
      if (live.state === "live") void this.arrivals(this.scrollTop > 0);
    }, 250);
  }
}

export const list = new ListModel();
