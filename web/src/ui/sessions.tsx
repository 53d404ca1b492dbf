// Sessions: traces that belong to one conversation of an application, and how it went from turn to turn.

import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";

import type { Reply, Session, Summary } from "../lib/api.ts";
import { ask, isAbort, whatWentWrong } from "../lib/api.ts";
import { ago, clock, count, duration, grouped, moment, short } from "../lib/format.ts";
import type { Selection } from "../lib/route.ts";
import { EVERYTHING, format } from "../lib/route.ts";
import { plain } from "../lib/text.ts";
import { joined, sessionCondition } from "../lib/filterline.ts";
import { step } from "./app.tsx";
import { Flag, Icon, Quality, Text } from "./bits.tsx";
import { FilterBar } from "./filterbar.tsx";
import { useKeys } from "./keys.ts";
import { live } from "./live.ts";
import { nav } from "./nav.ts";

type Held = { sessions: Session[] | null; traces: Map<string, Summary>; fault: string | null };

/** The sessions and their traces, and again when something arrived, at most every two seconds. */
function useSessions(selection: Selection): Held {
  const [held, setHeld] = useState<Held>({ sessions: null, traces: new Map(), fault: null });
  const { filter, errors, flagged, since } = selection;
  useEffect(() => {
    const request = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const params = { filter: joined(filter, errors ? "error=true" : ""), flagged, since };
    const load = async () => {
      try {
        const told = await ask<{ sessions: Session[] }>("/api/sessions", params, request.signal);
        const traces = new Map<string, Summary>();
        let cursor: number | null = null;
        // The sessions name their traces; what those were stands in the list of traces.
        do {
          const reply: Reply = await ask<Reply>("/api/traces", { ...params, cursor }, request.signal);
          for (const summary of reply.summaries) if (summary.session !== null) traces.set(summary.trace_id, summary);
          cursor = reply.cursor;
        } while (cursor !== null);
        setHeld({ sessions: told.sessions, traces, fault: null });
      } catch (error) {
        if (!isAbort(error)) setHeld((before) => ({ ...before, sessions: before.sessions ?? [], fault: whatWentWrong(error) }));
      }
    };
    void load();
    let seen = live.newest;
    const stop = live.observe(() => {
      if (live.state !== "live" || live.newest === seen) return;
      seen = live.newest;
      timer ??= setTimeout(() => {
        timer = undefined;
        void load();
      }, 2000);
    });
    return () => {
      stop();
      clearTimeout(timer);
      request.abort();
    };
  }, [filter, errors, flagged, since]);
  return held;
}

/** What a list of sessions or of traces does when a line is opened, and on the way back. */
type Ways<T> = { open: (row: T) => void; back: () => void };

/** The line that one stands on and the way to another, by hand and by keys. `name` begins the ids of the lines. */
function useLine<T extends { flags: number; errors: number }>(
  rows: T[],
  start: number,
  name: string,
  ways: Ways<T>,
): [number, (to: number) => void] {
  const [at, setAt] = useState(start);
  const move = (to: number) => {
    const place = Math.min(Math.max(to, 0), rows.length - 1);
    setAt(place);
    document.getElementById(`${name}-${place}`)?.scrollIntoView({ block: "nearest" });
  };
  const seek = (is: (row: T) => boolean) => {
    const next = rows.findIndex((row, place) => place > at && is(row));
    if (next >= 0) move(next);
  };
  useKeys({
    j: () => move(at + 1),
    k: () => move(at - 1),
    ArrowDown: () => move(at + 1),
    ArrowUp: () => move(at - 1),
    g: () => move(0),
    G: () => move(rows.length - 1),
    f: () => seek((row) => row.flags > 0),
    e: () => seek((row) => row.errors > 0),
    Enter: () => {
      const row = rows[at];
      if (row === undefined) return false;
      ways.open(row);
      return true;
    },
    Escape: ways.back,
  });
  return [at, move];
}

export function Sessions(): JSX.Element {
  const { selection } = nav.route;
  const { sessions, traces, fault } = useSessions(selection);
  const rows = sessions ?? [];
  const [at] = useLine(rows, -1, "session", {
    open: (session) => nav.go({ view: "session", name: session.session }),
    back: () => nav.go({ view: "list" }),
  });
  const change = (to: Selection) => nav.replace({ view: "sessions" }, to);
  return (
    <section class="view sessions" aria-label="Sessions">
      <FilterBar selection={selection} change={change} fault={fault} />
      {sessions !== null && rows.length === 0 && fault === null ? (
        <div class="empty">
          <h2>No session</h2>
          <p>
            A session appears when spans name one: <code>session.id</code>, <code>gen_ai.conversation.id</code>, or what Langfuse, LangSmith
            and Traceloop call it.
          </p>
        </div>
      ) : (
        <div class="scroller" tabIndex={0} role="list" aria-label="Sessions, newest first">
          {rows.map((session, place) => (
            <SessionRow key={session.session} session={session} traces={traces} place={place} isSelected={place === at} />
          ))}
        </div>
      )}
      <footer class="status">
        <span>{count(rows.length, "session")}</span>
      </footer>
    </section>
  );
}

type RowProps = { session: Session; traces: Map<string, Summary>; place: number; isSelected: boolean };

function SessionRow({ session, traces, place, isSelected }: RowProps): JSX.Element {
  const to = { view: "session" as const, name: session.session };
  const only = { ...EVERYTHING, filter: sessionCondition(session.session) };
  const length = session.end_unix_nano - session.start_unix_nano;
  return (
    <div id={`session-${place}`} class={`session ${isSelected ? "selected" : ""}`} role="listitem">
      <div class="sessionhead">
        <a href={format(to, nav.route.selection)} onClick={step(() => nav.go(to))} title={plain(session.session)}>
          {session.flags > 0 && <Flag number={session.flags} />}
          <Text text={session.session || "(no name)"} />
        </a>
        <a
          class="copy bare"
          href={format({ view: "list" }, only)}
          onClick={step(() => nav.go({ view: "list" }, only))}
          title="The traces of this session in the list"
          aria-label={`Filter the list by the session ${plain(session.session)}`}
        >
          <Icon name="funnel" />
        </a>
        <Quality quality={session.quality} />
        {session.last_quality !== null && session.last_quality !== session.quality && (
          <span class="ended">
            ended <Quality quality={session.last_quality} />
          </span>
        )}
        <span class="sessionfigures">
        {session.errors > 0 && <span class="chip bad">{count(session.errors, "error")}</span>}
        <span class="figure">{session.tokens > 0 && `${short(session.tokens)} tokens`}</span>
        <span class="figure">{count(session.trace_ids.length, "trace")}</span>
        <span class="figure">{duration(length)}</span>
        <span class="figure time" title={moment(session.end_unix_nano)}>
          {ago(session.end_unix_nano, Date.now())}
        </span>
        </span>
      </div>
      <Turns session={session} traces={traces} />
    </div>
  );
}

/** A square for each turn in its quality's color, the first one left. */
function Turns({ session, traces }: { session: Session; traces: Map<string, Summary> }): JSX.Element {
  const turns = [...session.trace_ids].reverse();
  return (
    <div class="turns">
      {turns.slice(-200).map((id, place) => {
        const summary = traces.get(id);
        const quality = summary?.quality ?? null;
        const to = { view: "trace" as const, id, span: null, within: null };
        const said = `turn ${turns.length - Math.min(turns.length, 200) + place + 1}: ${plain(summary?.root ?? id)}, ${quality ?? "no quality"}${
          (summary?.errors ?? 0) > 0 ? ", failed" : ""
        }`;
        return (
          <a
            key={id}
            class={`turn q-${(quality ?? "none").toLowerCase()} ${(summary?.errors ?? 0) > 0 ? "failed" : ""}`}
            href={format(to, nav.route.selection)}
            onClick={step(() => nav.go(to))}
            title={said}
            aria-label={said}
          />
        );
      })}
    </div>
  );
}

export function SessionView({ name }: { name: string }): JSX.Element {
  const { sessions, traces, fault } = useSessions(EVERYTHING);
  const session = sessions?.find((each) => each.session === name);
  const turns = useMemo(
    () => [...(session?.trace_ids ?? [])].reverse().flatMap((id) => traces.get(id) ?? []),
    [session, traces],
  );
  const [at, move] = useLine(turns, 0, "turn", {
    open: (turn) => nav.go({ view: "trace", id: turn.trace_id, span: null, within: null }),
    back: () => nav.go({ view: "sessions" }),
  });
  const from = session?.start_unix_nano ?? 0;
  const whole = Math.max((session?.end_unix_nano ?? 0) - from, 1);
  return (
    <section class="view sessionview" aria-label="Session">
      <header class="heading">
        <a
          class="back"
          href={format({ view: "sessions" }, nav.route.selection)}
          onClick={step(() => nav.go({ view: "sessions" }))}
          aria-label="Back to the sessions"
          title="Back to the sessions (Esc)"
        >
          <Icon name="back" />
        </a>
        <div class="title">
          <h1>
            {(session?.flags ?? 0) > 0 && <Flag number={session?.flags ?? 1} />}
            <Text text={name} />
          </h1>
          {session !== undefined && (
            <div class="figures">
              <Quality quality={session.quality} />
              <span title={moment(session.start_unix_nano)}>{clock(session.start_unix_nano)}</span>
              <span>{duration(whole)}</span>
              <span>{count(session.trace_ids.length, "trace")}</span>
              {session.errors > 0 && <span class="bad">{count(session.errors, "error")}</span>}
              {session.tokens > 0 && <span>{grouped(session.tokens)} tokens</span>}
            </div>
          )}
        </div>
      </header>
      {fault !== null && (
        <p class="fault" role="alert">
          <Text text={fault} />
        </p>
      )}
      {sessions !== null && session === undefined && fault === null && (
        <div class="empty">
          <h2>No trace of this session is held</h2>
        </div>
      )}
      <div class="strip" aria-hidden="true">
        {turns.map((turn, place) => (
          <i
            key={turn.trace_id}
            class={`q-${(turn.quality ?? "none").toLowerCase()} ${place === at ? "selected" : ""}`}
            style={{ left: `${(100 * (turn.start_unix_nano - from)) / whole}%`, width: `${(100 * turn.duration_nanos) / whole}%` }}
            onClick={() => move(place)}
          />
        ))}
      </div>
      <ol class="scroller timeline" tabIndex={0} aria-label="Turns, the first one on top">
        {turns.map((turn, place) => {
          const before = turns[place - 1];
          const gap = before === undefined ? 0 : turn.start_unix_nano - before.start_unix_nano - before.duration_nanos;
          const to = { view: "trace" as const, id: turn.trace_id, span: null, within: null };
          return (
            <li key={turn.trace_id} id={`turn-${place}`} class={place === at ? "selected" : ""}>
              <i class={`knot q-${(turn.quality ?? "none").toLowerCase()}`} aria-hidden="true" />
              <span class="time" title={moment(turn.start_unix_nano)}>
                {clock(turn.start_unix_nano)}
                {gap > 1e9 && <small>after {duration(gap)}</small>}
              </span>
              <a href={format(to, nav.route.selection)} onClick={step(() => nav.go(to))} title={turn.trace_id}>
                {turn.flags > 0 && <Flag number={turn.flags} />}
                <Text text={turn.root.replace(/\s*🚩$/u, "") || "(no name)"} />
              </a>
              <span class="service">
                <Text text={turn.models.length > 0 ? turn.models.join(", ") : turn.service} />
              </span>
              <span class="grow" />
              <Quality quality={turn.quality} />
              {turn.errors > 0 && <span class="chip bad">{count(turn.errors, "error")}</span>}
              <span class="figure">{turn.tokens > 0 && `${short(turn.tokens)} tokens`}</span>
              <span class="figure">{duration(turn.duration_nanos)}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
