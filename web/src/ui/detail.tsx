// The span that is looked at, in full.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Detail as InFull, Outline, Row, Span } from "../lib/api.ts";
import { ask, isAbort, whatWentWrong } from "../lib/api.ts";
import { count, duration, grouped, moment } from "../lib/format.ts";
import { format } from "../lib/route.ts";
import { plain } from "../lib/text.ts";
import { reindent } from "../lib/value.ts";
import { step } from "./app.tsx";
import { Attributes, Json } from "./attributes.tsx";
import { Copy, Flag, Icon, Quality, Text } from "./bits.tsx";
import { ConversationView } from "./conversation.tsx";
import { useKeys } from "./keys.ts";
import { nav } from "./nav.ts";

const TABS = ["conversation", "attributes", "events", "links", "resource", "raw"] as const;
type Tab = (typeof TABS)[number];

const WORDS: Record<Tab, string> = {
  conversation: "Conversation",
  attributes: "Attributes",
  events: "Events",
  links: "Links",
  resource: "Resource",
  raw: "JSON",
};

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/** Holding down a key passes over many spans: ask for the one that the reader stays at. */
const REST = 50;

type Held = { key: string; detail: InFull | null; fault: string | null };

function useDetail(row: Row, outline: Outline, version: number): Held {
  const key = `${row.trace_id}/${row.span_id}`;
  const [held, setHeld] = useState<Held>({ key: "", detail: null, fault: null });
  const first = useRef(true);
  useEffect(() => {
    const request = new AbortController();
    const load = async () => {
      try {
        const path = `/api/traces/${outline.trace_id}/spans/${encodeURIComponent(row.span_id)}`;
        const detail = await ask<InFull>(path, { trace_id: row.trace_id }, request.signal);
        setHeld({ key, detail, fault: null });
      } catch (error) {
        if (!isAbort(error)) setHeld({ key, detail: null, fault: whatWentWrong(error) });
      }
    };
    const timer = setTimeout(() => void load(), first.current ? 0 : REST);
    first.current = false;
    return () => {
      clearTimeout(timer);
      request.abort();
    };
  }, [key, version]);
  return held;
}

/** The tab that the reader chose last; kept while spans change, where the span has it. */
let wanted: Tab = "conversation";

export function Detail({ row, outline, version, close }: { row: Row; outline: Outline; version: number; close: (() => void) | null }): JSX.Element {
  const held = useDetail(row, outline, version);
  const { detail } = held;
  const isCurrent = held.key === `${row.trace_id}/${row.span_id}`;
  const [, again] = useState(0);
  const panel = useRef<HTMLDivElement>(null);
  const tabs = TABS.filter((tab) => tab !== "conversation" || row.has_conversation || (isCurrent && detail?.conversation != null));
  const tab = tabs.includes(wanted) ? wanted : "attributes";
  const show = (to: Tab | undefined) => {
    if (to === undefined) return;
    wanted = to;
    again((count) => count + 1);
  };
  const turn = (by: number) => show(tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length]);
  useKeys({ "[": () => turn(-1), "]": () => turn(1) });
  useEffect(() => {
    if (panel.current !== null) panel.current.scrollTop = 0;
  }, [row.span_id, tab]);
  const amount = (which: Tab): number | null => {
    if (!isCurrent || detail === null) return null;
    if (which === "attributes") return detail.span.attributes.length;
    if (which === "events") return detail.span.events.length;
    return which === "links" ? detail.span.links.length : null;
  };
  return (
    <aside id="detail" class="detail" aria-label="Span">
      <SpanHead row={row} detail={isCurrent ? detail : null} close={close} />
      <div class="tabs" role="tablist" aria-label="Parts of the span" data-own-keys>
        {tabs.map((name) => (
          <button
            type="button"
            key={name}
            id={`tab-${name}`}
            role="tab"
            aria-selected={name === tab}
            aria-controls="panel"
            tabIndex={name === tab ? 0 : -1}
            class={amount(name) === 0 ? "none" : ""}
            onClick={() => show(name)}
            onKeyDown={(event) => {
              if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
              turn(event.key === "ArrowLeft" ? -1 : 1);
              requestAnimationFrame(() => document.querySelector<HTMLElement>("#detail [role=tab][aria-selected=true]")?.focus());
            }}
          >
            {WORDS[name]}
            {(amount(name) ?? 0) > 0 && <small>{grouped(amount(name) ?? 0)}</small>}
          </button>
        ))}
      </div>
      <div
        ref={panel}
        id="panel"
        class={`panel ${isCurrent ? "" : "stale"}`}
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        aria-busy={!isCurrent}
        tabIndex={0}
        data-own-keys
      >
        {isCurrent && held.fault !== null && (
          <p class="fault" role="alert">
            <Text text={held.fault} />
          </p>
        )}
        {detail !== null && <Part tab={tab} detail={detail} row={row} outline={outline} />}
      </div>
    </aside>
  );
}

function SpanHead({ row, detail, close }: { row: Row; detail: InFull | null; close: (() => void) | null }): JSX.Element {
  const facts: ComponentChildren[] = [];
  const fact = (label: string, value: ComponentChildren) =>
    facts.push(
      <span key={label} class="fact">
        <small>{label}</small> {value}
      </span>,
    );
  fact("start", `+${duration(row.start)}`);
  fact("took", duration(row.duration));
  fact("kind", KINDS[Number(row.kind)] ?? row.kind);
  if (row.http_status !== null) fact("HTTP", <span class={row.http_status >= 400 ? "bad" : ""}>{row.http_status}</span>);
  if (row.model !== null) fact("model", <Text text={row.model} />);
  if (row.tokens_in > 0 || row.tokens_out > 0) fact("tokens", `${grouped(row.tokens_in)} in, ${grouped(row.tokens_out)} out`);
  return (
    <header class={`spanhead r-${row.role}`}>
      <div class="spantitle">
        <i class="swatch" aria-hidden="true" />
        <h2>
          <Text text={row.name.replace(/\s*🚩$/u, "") || "(no name)"} /> {row.flagged && <Flag />}
        </h2>
        {close !== null && (
          <button type="button" class="tool" onClick={close} aria-label="Close" title="Close (Esc)">
            <Icon name="close" />
          </button>
        )}
      </div>
      <div class="spanfacts">
        <span class="service">
          <Text text={row.service} />
        </span>
        <span class="id">
          <code>{plain(row.span_id)}</code>
          <Copy text={() => row.span_id} label="Copy the span id" />
        </span>
        <Quality quality={detail?.conversation === null ? row.quality : null} />
        {facts}
      </div>
      {row.error !== null && (
        <p class="error">
          <b>✗</b> <Text text={row.error} lines />
        </p>
      )}
    </header>
  );
}

function Part({ tab, detail, row, outline }: { tab: Tab; detail: InFull; row: Row; outline: Outline }): JSX.Element {
  const { span, conversation } = detail;
  switch (tab) {
    case "conversation":
      return conversation != null ? <ConversationView conversation={conversation} /> : <p class="note">There is no conversation on this span.</p>;
    case "attributes":
      return <Attributes attributes={span.attributes} what="attributes" />;
    case "events":
      return <Events span={span} />;
    case "links":
      return <Links span={span} outline={outline} />;
    case "resource":
      return <ResourcePart span={span} />;
    case "raw":
      return <Raw span={span} row={row} />;
  }
}

function Events({ span }: { span: Span }): JSX.Element {
  if (span.events.length === 0) return <p class="note">There are no events.</p>;
  const start = BigInt(span.startTimeUnixNano);
  return (
    <ol class="events">
      {span.events.map((event, place) => {
        const after = Number(BigInt(event.timeUnixNano) - start);
        const when = event.timeUnixNano === "0" ? "" : after < 0 ? `−${duration(-after)}` : `+${duration(after)}`;
        return (
          <li key={place} class={event.name === "exception" ? "exception" : ""}>
            <h3>
              <span class="when" title={moment(Number(event.timeUnixNano))}>
                {when}
              </span>
              <Text text={event.name || "(no name)"} />
            </h3>
            {event.attributes.length > 0 && <Attributes attributes={event.attributes} what="attributes of the event" />}
          </li>
        );
      })}
    </ol>
  );
}

function Links({ span, outline }: { span: Span; outline: Outline }): JSX.Element {
  if (span.links.length === 0) return <p class="note">There are no links.</p>;
  return (
    <ol class="events">
      {span.links.map((link, place) => {
        const own = outline.rows.find((row) => row.span_id === link.spanId && row.trace_id === link.traceId);
        const to = {
          view: "trace" as const,
          id: own === undefined ? link.traceId : outline.trace_id,
          span: link.spanId || null,
          within: own === undefined || own.trace_id === outline.trace_id ? null : own.trace_id,
        };
        return (
          <li key={place}>
            <h3>
              {/^[0-9a-f]{32}$/.test(link.traceId) ? (
                <a href={format(to, nav.route.selection)} onClick={step(() => nav.go(to))}>
                  <code>{link.traceId}</code>
                </a>
              ) : (
                <Text text={link.traceId || "(no trace id)"} />
              )}{" "}
              <code>
                <Text text={link.spanId} />
              </code>
              {own !== undefined && (
                <small>
                  {" "}
                  in this trace: <Text text={own.name} />
                </small>
              )}
            </h3>
            {link.attributes.length > 0 && <Attributes attributes={link.attributes} what="attributes of the link" />}
          </li>
        );
      })}
    </ol>
  );
}

function ResourcePart({ span }: { span: Span }): JSX.Element {
  const { name = "", version = "" } = span.scope ?? {};
  return (
    <>
      {(name !== "" || version !== "") && (
        <p class="scope">
          recorded by <Text text={`${name} ${version}`.trim()} />
        </p>
      )}
      <Attributes attributes={span.resource?.attributes ?? []} what="resource attributes" />
    </>
  );
}

function Raw({ span, row }: { span: Span; row: Row }): JSX.Element {
  const text = useMemo(() => reindent(JSON.stringify(span)), [span]);
  return (
    <div class="raw">
      <p class="note">
        <Copy text={() => text} label="Copy the span as JSON">
          <span>copy</span>
        </Copy>{" "}
        {count(text.length, "character")}, span {plain(row.span_id)} as the listener holds it
      </p>
      <Json text={text} lines={400} />
    </div>
  );
}
