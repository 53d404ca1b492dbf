// One trace: what it amounts to, its waterfall, and the span that is looked at.

import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Outline, Reply, Row } from "../lib/api.ts";
import { ask, isAbort, whatWentWrong } from "../lib/api.ts";
import { clock, count, duration, grouped, moment } from "../lib/format.ts";
import { format } from "../lib/route.ts";
import { firstOfInterest, keys, next, parentOf, visible } from "../lib/rows.ts";
import { plain } from "../lib/text.ts";
import { step } from "./app.tsx";
import { Copy, Figure, Flag, Icon, Text, toClipboard } from "./bits.tsx";
import { Detail } from "./detail.tsx";
import { Facts } from "./facts.tsx";
import { useKeys } from "./keys.ts";
import { live } from "./live.ts";
import { nav } from "./nav.ts";
import { remember, remembered } from "./store.ts";
import { useMedia } from "./virtual.ts";
import { Waterfall } from "./waterfall.tsx";

export type Range = { from: number; to: number };

type Props = { id: string; span: string | null; within: string | null };

export function TraceView({ id, span, within }: Props): JSX.Element {
  const { outline, fault, version } = useOutline(id);
  if (outline === null) return <Absent fault={fault} />;
  return <Shown outline={outline} version={version} span={span} within={within} fault={fault} />;
}

/** Not here yet, or not at all. */
function Absent({ fault }: { fault: string | null }): JSX.Element {
  useKeys({ Escape: () => nav.go(nav.home) });
  return (
      <section class="view trace" aria-busy={fault === null}>
        <Back />
        {fault !== null && (
          <div class="empty" role="alert">
            <h2>This trace cannot be shown</h2>
            <p>
              <Text text={fault} />
            </p>
          </div>
        )}
      </section>
  );
}

/** The outline, and again whenever spans arrived for this trace. */
function useOutline(id: string): { outline: Outline | null; fault: string | null; version: number } {
  const [state, setState] = useState<{ outline: Outline | null; fault: string | null; version: number }>({
    outline: null,
    fault: null,
    version: 0,
  });
  useEffect(() => {
    const request = new AbortController();
    let seen = live.newest;
    let busy = false;
    let spans = -1;
    const load = async () => {
      try {
        const outline = await ask<Outline>(`/api/traces/${id}`, {}, request.signal);
        spans = outline.rows.length;
        setState((before) => ({ outline, fault: null, version: before.version + 1 }));
        // A short id, or one that was joined into another trace: from here on by its own.
        const { route } = nav;
        if (route.view === "trace" && route.id !== outline.trace_id) nav.replace({ ...route, id: outline.trace_id });
      } catch (error) {
        if (!isAbort(error)) setState((before) => ({ ...before, fault: whatWentWrong(error) }));
      }
    };
    const arrivals = async () => {
      if (busy || live.state !== "live" || live.newest === seen) return;
      busy = true;
      const from = seen;
      seen = live.newest;
      try {
        const reply = await ask<Reply>("/api/traces", { newer_than: from, limit: 400 }, request.signal);
        const own = reply.summaries.find((summary) => summary.trace_id.startsWith(id));
        if (own !== undefined && own.spans !== spans) await load();
      } catch {
        // The next arrival asks again.
      }
      busy = false;
      if (live.newest !== seen && !request.signal.aborted) setTimeout(() => void arrivals(), 500);
    };
    void load();
    const stop = live.observe(() => void arrivals());
    return () => {
      stop();
      request.abort();
    };
  }, [id]);
  return state;
}

function Back(): JSX.Element {
  const { selection } = nav.route;
  return (
    <a
      class="back"
      href={format(nav.home, selection)}
      onClick={step(() => nav.go(nav.home))}
      title="Back (Esc)"
      aria-label={nav.home.view === "session" ? "Back to the session" : "Back to the list"}
    >
      <Icon name="back" />
    </a>
  );
}

type ShownProps = { outline: Outline; version: number; span: string | null; within: string | null; fault: string | null };

function Shown({ outline, version, span, within, fault }: ShownProps): JSX.Element {
  const { rows } = outline;
  const names = useMemo(() => keys(rows), [rows]);
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [search, setSearch] = useState("");
  const [errorsOnly, setErrorsOnly] = useState(false);
  const [range, setRange] = useState<Range | null>(null);
  const isNarrow = useMedia("(max-width: 52rem)");
  const searchField = useRef<HTMLInputElement>(null);
  const sight = useMemo(() => visible(rows, names, { collapsed, search, errorsOnly }), [rows, names, collapsed, search, errorsOnly]);
  const named = useMemo(() => {
    if (span === null) return null;
    const place = rows.findIndex((row) => row.span_id === span && (within === null || row.trace_id === within));
    return place >= 0 ? place : null;
  }, [rows, span, within]);
  const selected = named ?? firstOfInterest(rows);
  // A small screen shows the span over the waterfall, and only when it was asked for.
  const showsDetail = rows.length > 0 && (!isNarrow || named !== null);
  const line = sight.lines.indexOf(selected);

  useEffect(() => {
    const title = rows[0]?.name ?? "";
    document.title = `${plain(title).slice(0, 80)} · ${outline.trace_id.slice(0, 8)}`;
    return () => void (document.title = "Plano traces");
  }, [outline.trace_id]);

  const place = useCallback(
    (row: Row) => ({
      view: "trace" as const,
      id: outline.trace_id,
      span: row.span_id,
      within: row.trace_id === outline.trace_id ? null : row.trace_id,
    }),
    [outline.trace_id],
  );
  const select = useCallback(
    (at: number | null | undefined, pushes = false) => {
      const row = at === null || at === undefined ? undefined : rows[at];
      if (row === undefined) return;
      if (pushes) nav.go(place(row));
      else nav.replace(place(row));
    },
    [rows, place],
  );
  const click = useCallback((at: number) => select(at, isNarrow), [select, isNarrow]);
  const fold = useCallback(
    (at: number, folds?: boolean) => {
      const name = names[at] ?? "";
      setCollapsed((before) => {
        const after = new Set(before);
        if (folds ?? !before.has(name)) after.add(name);
        else after.delete(name);
        return after;
      });
    },
    [names],
  );
  const foldAll = () => setCollapsed(new Set(names.filter((_, at) => rows[at]?.has_children === true && (rows[at]?.depth ?? 0) > 0)));
  /** To a row that may be folded away or filtered out. */
  const reach = (at: number | null) => {
    if (at === null) return;
    if (!sight.lines.includes(at)) {
      setSearch("");
      setErrorsOnly(false);
      setCollapsed((before) => {
        const after = new Set(before);
        for (let above = parentOf(rows, at); above !== null; above = parentOf(rows, above)) after.delete(names[above] ?? "");
        return after;
      });
    }
    select(at);
  };
  const seek = (test: (row: Row) => boolean) => reach(next(rows, named ?? -1, test));
  const nextMatch = () => reach(next(rows, selected, (_, place) => sight.matches?.has(place) === true));
  const move = (to: number) => select(sight.lines[Math.min(Math.max(to, 0), sight.lines.length - 1)]);
  const zoom = () => {
    const row = rows[selected];
    if (range !== null || row === undefined) return setRange(null);
    const margin = Math.max(row.duration * 0.05, 1);
    setRange({ from: Math.max(0, row.start - margin), to: row.start + row.duration + margin });
  };
  const left = () => {
    const row = rows[selected];
    if (row?.has_children && !collapsed.has(names[selected] ?? "")) fold(selected, true);
    else select(parentOf(rows, selected));
  };
  const right = () => {
    const row = rows[selected];
    if (row?.has_children && collapsed.has(names[selected] ?? "")) fold(selected, false);
    else if (row?.has_children) move(line + 1);
  };
  const closeDetail = () => nav.replace({ view: "trace", id: outline.trace_id, span: null, within: null });
  useKeys({
    j: () => move(line + 1),
    k: () => move(line - 1),
    ArrowDown: () => move(line + 1),
    ArrowUp: () => move(line - 1),
    PageDown: () => move(line + 20),
    PageUp: () => move(line - 20),
    g: () => move(0),
    Home: () => move(0),
    G: () => move(sight.lines.length - 1),
    End: () => move(sight.lines.length - 1),
    h: left,
    ArrowLeft: left,
    l: right,
    ArrowRight: right,
    H: foldAll,
    L: () => setCollapsed(new Set<string>()),
    e: () => seek((row) => row.error !== null),
    f: () => seek((row) => row.flagged),
    x: () => setErrorsOnly(!errorsOnly),
    z: zoom,
    y: () => void toClipboard(outline.trace_id),
    "/": () => searchField.current?.focus(),
    Enter: () => {
      if (isNarrow) return select(selected, true);
      document.querySelector<HTMLElement>("#detail [role=tabpanel]")?.focus();
    },
    Escape: () => {
      if (document.activeElement?.closest("#detail")) document.querySelector<HTMLElement>("[role=treegrid]")?.focus();
      else if (search !== "") setSearch("");
      else if (errorsOnly) setErrorsOnly(false);
      else if (range !== null) setRange(null);
      else if (isNarrow && named !== null) closeDetail();
      else nav.go(nav.home);
    },
  });
  const row = rows[selected];
  return (
    <section class="view trace" aria-label="Trace">
      <Heading outline={outline} fault={fault} />
      <div class="tracebar">
        <div class="line">
          <Icon name="search" />
          <input
            ref={searchField}
            class="filter"
            type="search"
            aria-label="Search in this trace"
            placeholder="Search name, service, model, error"
            spellcheck={false}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter") nextMatch();
              if (event.key === "Escape") {
                if (search === "") event.currentTarget.blur();
                setSearch("");
                event.stopPropagation();
              }
            }}
          />
          {sight.matches !== null && (
            <span class="found" role="status">
              {grouped(sight.matches.size)} of {grouped(rows.length)}
            </span>
          )}
        </div>
        <div class="toggles">
          {outline.facts.errors > 0 && (
            <>
              <button type="button" class="toggle bad" aria-pressed={errorsOnly} onClick={() => setErrorsOnly(!errorsOnly)} title="Only errors and what is above them (x)">
                errors only
              </button>
              <button type="button" class="toggle" onClick={() => seek((each) => each.error !== null)} title="Next error (e)">
                next error
              </button>
            </>
          )}
          {outline.facts.flags > 0 && (
            <button type="button" class="toggle" onClick={() => seek((each) => each.flagged)} title="Next flag (f)">
              next 🚩
            </button>
          )}
          {range !== null && (
            <button type="button" class="toggle" aria-pressed="true" onClick={() => setRange(null)} title="Back to the whole trace (z)">
              zoomed
            </button>
          )}
          <span class="pair">
            <button type="button" class="tool" onClick={() => setCollapsed(new Set())} title="Unfold all (L)" aria-label="Unfold all">
              <Icon name="open" />
            </button>
            <button type="button" class="tool" onClick={foldAll} title="Fold all (H)" aria-label="Fold all">
              <Icon name="fold" />
            </button>
          </span>
        </div>
      </div>
      <Split shows={showsDetail}>
        <div class="left">
          <Waterfall
            outline={outline}
            names={names}
            lines={sight.lines}
            matches={sight.matches}
            collapsed={collapsed}
            selected={named === null && isNarrow ? -1 : selected}
            range={range}
            select={click}
            fold={fold}
            zoom={setRange}
            foldable={sight.matches === null && !errorsOnly}
          />
          <Facts outline={outline} />
        </div>
        {showsDetail && row !== undefined && <Detail row={row} outline={outline} version={version} close={isNarrow ? closeDetail : null} />}
      </Split>
    </section>
  );
}

function Heading({ outline, fault }: { outline: Outline; fault: string | null }): JSX.Element {
  const root = outline.rows[0];
  const start = Number(outline.start_unix_nano);
  const { errors, flags } = outline.facts;
  const id = outline.trace_id;
  return (
    <header class="heading">
      <Back />
      <div class="title">
        <h1 title={plain(root?.name ?? "")}>
          {flags > 0 && <Flag number={flags} />}
          <Text text={(root?.name || "(no name)").replace(/\s*🚩$/u, "")} />
        </h1>
        <div class="figures">
          <span class="id">
            <code title={outline.trace_ids.length > 1 ? `joined from ${outline.trace_ids.join(", ")}` : id}>{id}</code>
            <Copy text={() => id} label="Copy the trace id (y)" />
          </span>
          <span title={moment(start)}>{clock(start)}</span>
          <Figure label="">{duration(outline.duration_nanos)}</Figure>
          <Figure label={outline.rows.length === 1 ? "span" : "spans"}>{grouped(outline.rows.length)}</Figure>
          {errors > 0 && (
            <Figure label={errors === 1 ? "error" : "errors"} tone="bad">
              {grouped(errors)}
            </Figure>
          )}
          {outline.trace_ids.length > 1 && <span>{count(outline.trace_ids.length, "trace")} joined</span>}
        </div>
      </div>
      <div class="actions">
        <Copy text={() => `planoai trace ${id}`} label={`Copy the command: planoai trace ${id}`}>
          <span>command</span>
        </Copy>
        <a class="button" href={`/api/traces/${id}/download?format=json`} download title="Download as planoai trace --json writes it">
          <Icon name="save" /> <span>JSON</span>
        </a>
        <a class="button" href={`/api/traces/${id}/download?format=otlp`} download title="Download as OTLP/JSON, for planoai trace import and for collectors">
          <Icon name="save" /> <span>OTLP</span>
        </a>
      </div>
      {(outline.notes.length > 0 || fault !== null) && (
        <ul class="notes">
          {fault !== null && (
            <li class="bad">
              <Text text={fault} />
            </li>
          )}
          {outline.notes.map((note) => (
            <li key={note}>
              <Text text={note} />
            </li>
          ))}
        </ul>
      )}
    </header>
  );
}

/** Two panes with a border between them that can be moved; where it stands is remembered. */
function Split({ shows, children }: { shows: boolean; children: [JSX.Element, JSX.Element | false] }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(() => {
    const kept = Number(remembered("split"));
    return kept >= 20 && kept <= 75 ? kept : 42;
  });
  const set = (to: number) => {
    const bounded = Math.round(Math.min(75, Math.max(20, to)) * 10) / 10;
    setShare(bounded);
    remember("split", String(bounded));
  };
  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const follow = (moved: PointerEvent) => {
      const area = box.current?.getBoundingClientRect();
      if (area !== undefined) set((100 * (area.right - moved.clientX)) / area.width);
    };
    const end = () => {
      handle.removeEventListener("pointermove", follow);
      handle.removeEventListener("pointerup", end);
      handle.removeEventListener("pointercancel", end);
    };
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
    event.preventDefault();
  };
  return (
    <div class={`split ${shows ? "two" : ""}`} ref={box} style={{ "--detail": `${share}%` }}>
      {children[0]}
      {shows && (
        <div
          class="border"
          role="separator"
          aria-orientation="vertical"
          aria-label="Width of the details"
          aria-valuenow={Math.round(share)}
          aria-valuemin={20}
          aria-valuemax={75}
          tabIndex={0}
          data-own-keys
          onPointerDown={drag}
          onDblClick={() => set(42)}
          onKeyDown={(event) => {
            if (event.key === "ArrowLeft") set(share + 3);
            if (event.key === "ArrowRight") set(share - 3);
          }}
        />
      )}
      {children[1]}
    </div>
  );
}
