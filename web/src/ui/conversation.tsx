// A conversation as people read one: who said what, which tools were called, which phrases made the signals.

import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Conversation, Message, Signal } from "../lib/api.ts";
import { plain } from "../lib/text.ts";
import { prettyJson } from "../lib/value.ts";
import { Copy, Flag, Folded, Quality, Text, cutAt, spelt } from "./bits.tsx";
import { Json } from "./attributes.tsx";
import { useKeys } from "./keys.ts";

/** Characters of a message that are shown at first. */
const MOST = 2400;

/** `environment`, `execution`, `satisfaction` or `interaction`: each has a color. */
export function family(type: string): string {
  if (type.startsWith("interaction.satisfaction")) return "satisfaction";
  return /^(environment|execution|interaction)\./.exec(type)?.[1] ?? "interaction";
}

/** The last word of a signal's name, as people say it. */
export function shortName(type: string): string {
  return (type.split(".").at(-1) ?? type).replaceAll("_", " ");
}

type Found = { type: string; marks: number; confidence: number };

function legend(conversation: Conversation): Found[] {
  const found = new Map<string, Found>();
  const of = (type: string) => {
    const known = found.get(type) ?? { type, marks: 0, confidence: 0 };
    found.set(type, known);
    return known;
  };
  for (const signal of [...(conversation.signals ?? []), ...conversation.messages.flatMap((message) => message.signals)]) {
    const entry = of(signal.type);
    entry.confidence = Math.max(entry.confidence, signal.confidence);
  }
  for (const message of conversation.messages) {
    for (const piece of message.text) for (const type of piece.signals) of(type).marks += 1;
  }
  return [...found.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
}

export function ConversationView({ conversation }: { conversation: Conversation }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const found = useMemo(() => legend(conversation), [conversation]);
  const [lit, setLit] = useState<string | null>(null);
  /** To the mark after the one that has the focus; of one signal, or of any. */
  const jump = (type: string | null) => {
    const marks = [...(box.current?.querySelectorAll<HTMLElement>("[data-signals]") ?? [])].filter(
      (mark) => type === null || mark.dataset["signals"]?.split(" ").includes(type),
    );
    const from = marks.indexOf(document.activeElement as HTMLElement);
    const mark = marks[(from + 1) % marks.length];
    mark?.focus();
    mark?.scrollIntoView({ block: "center" });
    return mark !== undefined;
  };
  useKeys({ n: () => jump(null) });
  const [tip, setTip] = useState<Tip | null>(null);
  /** The names of a mark's signals, beside the mark that is pointed at or has the focus. */
  const point = (event: Event) => {
    const mark = (event.target as HTMLElement).closest<HTMLElement>("[data-signals]");
    const at = mark?.getClientRects()[0];
    const text = mark?.dataset["signals"];
    setTip(at === undefined || text === undefined ? null : { text: text.split(" ").map((type) => plain(type)).join("\n"), left: at.left, top: at.top });
  };
  return (
    <div class="conversation" ref={box} onMouseOver={point} onMouseLeave={() => setTip(null)} onFocusIn={point} onFocusOut={() => setTip(null)}>
      {tip !== null && <TipView tip={tip} />}
      {(conversation.quality !== null || conversation.flag_reasons.length > 0) && <Verdict conversation={conversation} />}
      {conversation.note !== null && (
        <p class="note boxed">
          <Text text={conversation.note} />
        </p>
      )}
      {found.length > 0 && (
        <div class="legend" role="group" aria-label="Signals">
          {found.map(({ type, marks, confidence }) => (
            <button
              type="button"
              key={type}
              class={`signal s-${family(type)}`}
              onClick={() => jump(type)}
              onMouseEnter={() => setLit(type)}
              onMouseLeave={() => setLit(null)}
              title={`${plain(type)}${confidence > 0 ? `, confidence ${confidence.toFixed(2)}` : ""}. Click for the next place.`}
            >
              <Text text={shortName(type)} />
              {marks > 1 && <small>×{marks}</small>}
            </button>
          ))}
        </div>
      )}
      {(conversation.signals ?? []).length > 0 && (
        <div class="elsewhere">
          <p class="note">Found in messages that are not here:</p>
          <Whys signals={conversation.signals ?? []} />
        </div>
      )}
      <ol class="messages">
        {conversation.messages.map((message, place) => (
          <MessageView key={place} message={message} lit={lit} />
        ))}
      </ol>
      {conversation.messages.length === 0 && conversation.note === null && <p class="note">There is no message.</p>}
      <p class="source">
        read as <Text text={conversation.dialect} />
        {conversation.session !== null && (
          <>
            , session <Text text={conversation.session} />
          </>
        )}
      </p>
    </div>
  );
}

type Tip = { text: string; left: number; top: number };

function TipView({ tip }: { tip: Tip }): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: tip.left, top: tip.top });
  useLayoutEffect(() => {
    const size = element.current?.getBoundingClientRect();
    if (size === undefined) return;
    const above = tip.top - size.height - 4;
    setPlace({ left: Math.max(8, Math.min(tip.left, innerWidth - size.width - 8)), top: above < 8 ? tip.top + 24 : above });
  }, [tip]);
  return (
    <div ref={element} class="tip" role="tooltip" style={{ left: `${place.left}px`, top: `${place.top}px` }}>
      {tip.text}
    </div>
  );
}

export function Verdict({ conversation }: { conversation: Conversation }): JSX.Element {
  return (
    <div class="verdict">
      {conversation.flag_reasons.length > 0 && <Flag />}
      <Quality quality={conversation.quality} />
      {conversation.score !== null && <span class="score">score {conversation.score.toFixed(1)}</span>}
      {conversation.flag_reasons.length > 0 && (
        <span class="reasons">
          <Text text={conversation.flag_reasons.join(", ")} />
        </span>
      )}
    </div>
  );
}

const ROLES = ["system", "user", "assistant", "tool"];

function MessageView({ message, lit }: { message: Message; lit: string | null }): JSX.Element {
  const role = ROLES.includes(message.role) ? message.role : "other";
  const whole = message.text.map((piece) => piece.text).join("");
  return (
    <li class={`message m-${role}`}>
      <div class="who">
        <Text text={message.role} />
        {message.name !== null && (
          <small>
            <Text text={message.name} />
          </small>
        )}
        {message.tool_call_id !== null && (
          <small title={`answers the call ${plain(message.tool_call_id)}`}>
            <Text text={message.tool_call_id} />
          </small>
        )}
      </div>
      <div class="said">
        {role === "tool" && prettyJson(whole) !== null && message.text.every((piece) => piece.signals.length === 0) ? (
          <Json text={prettyJson(whole) ?? ""} lines={14} />
        ) : (
          whole !== "" && <Said message={message} most={role === "system" ? 600 : MOST} lit={lit} />
        )}
        {message.tool_calls.map((call, place) => (
          <div class="call" key={place}>
            <div class="callhead">
              <span class="calls">calls</span> <b>{<Text text={call.name} />}</b>
              {call.id !== null && (
                <small>
                  <Text text={call.id} />
                </small>
              )}
              <Copy text={() => call.arguments} label="Copy the arguments" />
            </div>
            {call.arguments.trim() !== "" && <Arguments text={call.arguments} />}
          </div>
        ))}
        {message.signals.length > 0 && (
          <Whys signals={message.signals} />
        )}
      </div>
      {whole !== "" && <Copy text={() => whole} label="Copy the message" />}
    </li>
  );
}

/** What was found, how surely, and on what it rests. */
function Whys({ signals }: { signals: Signal[] }): JSX.Element {
  return (
    <ul class="whys">
      {signals.map((signal, place) => (
        <li key={place} class={`why s-${family(signal.type)}`} title={`${plain(signal.type)}, confidence ${signal.confidence.toFixed(2)}`}>
          <b>
            <Text text={shortName(signal.type)} />
          </b>{" "}
          {signal.confidence.toFixed(2)}{" "}
          <span>
            <Text text={signal.why} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Arguments({ text }: { text: string }): JSX.Element {
  const json = prettyJson(text);
  return json !== null ? (
    <Json text={json} lines={14} />
  ) : (
    <pre class="code">
      <Folded text={text} most={MOST}>
        {(part) => <Text text={part} lines />}
      </Folded>
    </pre>
  );
}

/** The text with its marks; a long one is cut behind the last mark that began before the cut. */
function Said({ message, most, lit }: { message: Message; most: number; lit: string | null }): JSX.Element {
  const [open, setOpen] = useState(false);
  const whole = message.text.map((piece) => piece.text).join("");
  const cut = cutAt(whole, most);
  const parts: ComponentChildren[] = [];
  let at = 0;
  let hidden = 0;
  message.text.forEach((piece, place) => {
    const room = open || cut === null ? piece.text.length : Math.max(0, cut - at);
    at += piece.text.length;
    const marked = piece.signals.length > 0;
    if (room === 0) {
      hidden += marked ? 1 : 0;
      return;
    }
    const text = marked ? piece.text : piece.text.slice(0, room);
    parts.push(marked ? <Marked key={place} text={text} signals={piece.signals} lit={lit} /> : <span key={place}>{spelt(text, true)}</span>);
  });
  return (
    <div class="text">
      {parts}
      {cut !== null && (
        <>
          {!open && "…"}{" "}
          <button type="button" class="more" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "show less" : `show all (${(whole.length - cut).toLocaleString("en")} more characters${hidden > 0 ? `, ${hidden} marked` : ""})`}
          </button>
        </>
      )}
    </div>
  );
}

function Marked({ text, signals, lit }: { text: string; signals: string[]; lit: string | null }): JSX.Element {
  const names = signals.map((type) => plain(type));
  return (
    <mark
      class={`s-${family(signals[0] ?? "")} ${lit !== null && signals.includes(lit) ? "lit" : ""}`}
      data-signals={signals.join(" ")}
      tabIndex={0}
      aria-label={`${plain(text, true)} (signal: ${names.join(", ")})`}
    >
      {spelt(text, true)}
    </mark>
  );
}
