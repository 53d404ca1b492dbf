// The traces, newest first.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Summary } from "../lib/api.ts";
import { ago, bytes, cost, count, duration, grouped, moment, short } from "../lib/format.ts";
import type { Selection } from "../lib/route.ts";
import { EVERYTHING, format } from "../lib/route.ts";
import { plain } from "../lib/text.ts";
import { step } from "./app.tsx";
import { Flag, Quality, Text, toClipboard } from "./bits.tsx";
import { Empty, Language } from "./empty.tsx";
import { FilterBar } from "./filterbar.tsx";
import { useKeys } from "./keys.ts";
import { list } from "./listmodel.ts";
import { about, live } from "./live.ts";
import { memo } from "./memo.ts";
import { nav } from "./nav.ts";
import { useObservable } from "./store.ts";
import { takeFocus, useLength, useWindow } from "./virtual.ts";

export function List(): JSX.Element {
  useObservable(list);
  const { selection } = nav.route;
  useEffect(() => list.select(selection), [JSON.stringify(selection)]);
  useEffect(() => {
    const follow = () => {
      if (live.state === "live") void list.arrivals(list.scrollTop > 0);
    };
    // What came while another view was on the screen, and from now on.
    follow();
    return live.observe(follow);
  }, []);
  const change = (to: Selection) => {
    nav.replace({ view: "list" }, to);
  };
  const narrowed = format({ view: "list" }, selection) !== format({ view: "list" }, EVERYTHING);
  const isEmpty = list.rows.length === 0 && !list.loading;
  return (
    <section class="view list" aria-label="Traces">
      <FilterBar selection={selection} change={change} fault={list.fault} />
      {list.rows.length > 0 ? (
        <Grid selection={selection} />
      ) : isEmpty && list.fault === null ? (
        <Empty narrowed={narrowed && list.held > 0} clear={() => change(EVERYTHING)} />
      ) : (
        <div class="empty">{list.fault !== null && selection.filter !== "" && <Language />}</div>
      )}
      <Status />
    </section>
  );
}

/** The clock of the column of times: often while times are short. */
function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  return Math.max(now, Date.now() - 5000);
}

const COLUMNS = ["Time", "Trace", "Service", "Models", "Quality", "Errors", "Spans", "Tokens", "Cost", "Duration"];

function Grid({ selection }: { selection: Selection }): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const height = useLength("--list-row");
  const head = useLength("--list-head");
  const { rows } = list;
  const seen = useWindow(scroller, rows.length, height, head);
  const now = useNow();
  const at = rows.findIndex((row) => row.trace_id === list.selected);

  // Back from a trace: where the reader was.
  useLayoutEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = list.scrollTop;
    takeFocus(scroller.current);
  }, []);
  // Arrivals above push what is read down; take the scroll along so that it stays under the eye.
  const anchor = useRef<{ id: string; top: number } | null>(null);
  useLayoutEffect(() => {
    const element = scroller.current;
    const kept = anchor.current;
    if (element === null || kept === null || element.scrollTop === 0) return;
    const place = rows.findIndex((row) => row.trace_id === kept.id);
    if (place >= 0 && Math.abs(place * height - kept.top) > 1) element.scrollTop += place * height - kept.top;
  }, [rows]);
  const scrolled = () => {
    const top = scroller.current?.scrollTop ?? 0;
    list.scrollTop = top;
    if (top === 0 && list.unseen > 0) {
      list.unseen = 0;
      list.changed();
    }
    const place = Math.floor(top / height);
    const row = rows[place];
    anchor.current = row === undefined ? null : { id: row.trace_id, top: place * height };
  };
  useEffect(() => {
    if (seen.last > rows.length - 40) void list.older();
  }, [seen.last, rows]);

  const select = (place: number) => {
    const row = rows[Math.min(Math.max(place, 0), rows.length - 1)];
    if (row === undefined) return;
    list.selected = row.trace_id;
    list.changed();
    seen.reveal(rows.indexOf(row));
  };
  const seek = (test: (row: Summary) => boolean) => {
    const place = rows.findIndex((row, index) => index > at && test(row));
    if (place >= 0 || at >= 0) select(place >= 0 ? place : Math.max(rows.findIndex(test), 0));
  };
  const page = Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 400) - head) / height) - 1);
  const open = () => {
    const row = rows[at];
    if (row === undefined) return false;
    nav.go({ view: "trace", id: row.trace_id, span: null, within: null });
    return true;
  };
  useKeys({
    j: () => select(at + 1),
    k: () => select(at < 0 ? 0 : at - 1),
    ArrowDown: () => select(at + 1),
    ArrowUp: () => select(at < 0 ? 0 : at - 1),
    PageDown: () => select(at + page),
    PageUp: () => select(at - page),
    g: () => select(0),
    Home: () => select(0),
    G: () => select(rows.length - 1),
    End: () => select(rows.length - 1),
    e: () => seek((row) => row.errors > 0),
    f: () => seek((row) => row.flags > 0),
    y: () => void (rows[at] !== undefined && toClipboard(rows[at].trace_id)),
    Enter: open,
    Escape: () => {
      if (list.selected === null) return false;
      list.selected = null;
      list.changed();
      return true;
    },
  });
  const longest = Math.max(...rows.slice(seen.first, seen.last).map((row) => row.duration_nanos), 1);
  return (
    <div class="gridbox">
      {list.unseen > 0 && (
        <button type="button" class="unseen" onClick={() => scroller.current?.scrollTo({ top: 0, behavior: "smooth" })}>
          ↑ {count(list.unseen, "new trace")}
        </button>
      )}
      <div
        ref={scroller}
        class="scroller"
        role="grid"
        aria-label="Traces, newest first"
        aria-rowcount={rows.length + 1}
        aria-busy={list.loading}
        aria-activedescendant={at >= seen.first && at < seen.last ? `trace-${rows[at]?.trace_id}` : undefined}
        tabIndex={0}
        onScroll={scrolled}
      >
        <div class="lrow lhead" role="row" aria-rowindex={1}>
          {COLUMNS.map((name) => (
            <span key={name} role="columnheader" class={`c-${name.toLowerCase()}`}>
              {name}
            </span>
          ))}
        </div>
        <div class="lines" style={{ height: `${seen.total}px` }} role="presentation">
          {rows.slice(seen.first, seen.last).map((row, index) => (
            <ListRow
              key={row.trace_id}
              row={row}
              place={seen.first + index}
              top={(seen.first + index) * height}
              isSelected={row.trace_id === list.selected}
              isFresh={list.fresh.has(row.trace_id)}
              time={ago(row.start_unix_nano, now)}
              longest={longest}
              href={format({ view: "trace", id: row.trace_id, span: null, within: null }, selection)}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

type RowProps = {
  row: Summary;
  place: number;
  top: number;
  isSelected: boolean;
  isFresh: boolean;
  time: string;
  longest: number;
  href: string;
};

export const ListRow = memo(function ListRow({ row, place, top, isSelected, isFresh, time, longest, href }: RowProps): JSX.Element {
  const name = row.root === "" ? "(no name)" : row.root.replace(/\s*🚩$/u, "");
  const go = step(() => {
    list.selected = row.trace_id;
    nav.go({ view: "trace", id: row.trace_id, span: null, within: null });
  });
  return (
    <div
      id={`trace-${row.trace_id}`}
      class={`lrow ${isSelected ? "selected" : ""} ${isFresh ? "fresh" : ""} ${row.errors > 0 ? "failed" : ""}`}
      role="row"
      aria-rowindex={place + 2}
      aria-selected={isSelected}
      style={{ top: `${top}px` }}
    >
      <span role="gridcell" class="c-time" title={moment(row.start_unix_nano)}>
        {time}
      </span>
      <span role="gridcell" class="c-trace">
        <a href={href} onClick={go} tabIndex={-1} title={`${plain(row.root)}\n${plain(row.service)}\n${row.trace_id}`}>
          <span class="mark">{row.flags > 0 && <Flag number={row.flags} />}</span>
          <span class="name">
            <Text text={name} />
          </span>
        </a>
      </span>
      <span role="gridcell" class="c-service">
        <Text text={row.service} />
      </span>
      <span role="gridcell" class="c-models" title={plain(row.models.join("\n"))}>
        <Text text={row.models.join(", ")} />
      </span>
      <span role="gridcell" class="c-quality">
        <Quality quality={row.quality} />
      </span>
      <span role="gridcell" class="c-errors">
        {row.errors > 0 && (
          <span class="chip bad" title={count(row.errors, "span") + " failed"}>
            {grouped(row.errors)}
          </span>
        )}
      </span>
      <span role="gridcell" class="c-spans">
        {short(row.spans)}
      </span>
      <span
        role="gridcell"
        class="c-tokens"
        title={row.tokens > 0 ? `${grouped(row.tokens_in)} in, ${grouped(row.tokens_out)} out` : undefined}
      >
        {row.tokens > 0 ? short(row.tokens) : ""}
      </span>
      <span role="gridcell" class="c-cost">
        {typeof row.cost_usd === "number" ? cost(row.cost_usd) : ""}
      </span>
      <span role="gridcell" class="c-duration">
        <span class="bar" aria-hidden="true">
          <i style={{ width: `${Math.max(1.5, (100 * row.duration_nanos) / longest)}%` }} />
        </span>
        <span>{duration(row.duration_nanos)}</span>
      </span>
    </div>
  );
});

function Status(): JSX.Element {
  useObservable(about);
  const { info } = about;
  useEffect(() => {
    const timer = setTimeout(() => void about.load(), 1000);
    return () => clearTimeout(timer);
  }, [list.held, list.dropped.traces]);
  const { traces, spans } = list.dropped;
  return (
    <footer class="status">
      <span>
        {list.more ? `${grouped(list.rows.length)} shown` : count(list.rows.length, "trace")}
        {list.held !== list.rows.length && ` of ${grouped(list.held)} held`}
      </span>
      {info !== null && (
        <span title={`Limits: ${grouped(info.limits.max_traces)} traces, ${bytes(info.limits.max_bytes)}`}>
          {bytes(info.bytes)} of {bytes(info.limits.max_bytes)}
        </span>
      )}
      {(traces > 0 || spans > 0) && (
        <span class="warn">
          dropped to stay within the limits: {count(traces, "trace")}
          {spans > 0 && `, ${count(spans, "span")}`}
        </span>
      )}
      <span class="grow" />
      <span class="keys">
        <kbd>j</kbd>
        <kbd>k</kbd> move <kbd>Enter</kbd> open <kbd>/</kbd> filter <kbd>?</kbd> keys
      </span>
    </footer>
  );
}
