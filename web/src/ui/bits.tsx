// Small parts that every view is made of.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { isHarmful, pieces, plain } from "../lib/text.ts";

/** Text from outside: harmless, and its direction stays its own affair. */
export function Text({ text, lines = false }: { text: string; lines?: boolean }): JSX.Element {
  return <span class="t">{spelt(text, lines)}</span>;
}

/** The text in harmless pieces, as children. */
export function spelt(text: string, lines = false): ComponentChildren {
  if (!lines && !isHarmful(text) && text.length < 80) return text;
  return pieces(text, lines).map((piece) =>
    typeof piece === "string" ? (
      piece
    ) : (
      <span class="esc" title={`a character that is not shown: U+${piece.code.toString(16).toUpperCase().padStart(4, "0")}`}>
        {piece.escape}
      </span>
    ),
  );
}

const DRAWINGS = {
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  done: "M3 8.5l3.2 3.2L13 5",
  back: "M9.5 3.5L5 8l4.5 4.5",
  caret: "M6 4.5L9.5 8 6 11.5",
  close: "M4 4l8 8M12 4l-8 8",
  pause: "M5.5 4v8M10.5 4v8",
  play: "M5.5 3.8v8.4L12 8z",
  search: "M7 2.5a4.5 4.5 0 110 9 4.5 4.5 0 010-9zM10.4 10.4l3.1 3.1",
  funnel: "M2.5 3.5h11L9.5 8.4v4.1l-3 1.2V8.4z",
  light: "M8 5.2a2.8 2.8 0 110 5.6 2.8 2.8 0 010-5.6zM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  dark: "M13 9.6A5.6 5.6 0 016.4 3a5.6 5.6 0 106.6 6.6z",
  system: "M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3",
  open: "M3 5.5L8 10.5l5-5",
  fold: "M3 10.5L8 5.5l5 5",
  save: "M8 2.5v7M4.8 6.8L8 10l3.2-3.2M3 13.5h10",
  zoom: "M2.5 8h11M5 5L2.5 8 5 11M11 5l2.5 3-2.5 3",
} as const;

export function Icon({ name }: { name: keyof typeof DRAWINGS }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={DRAWINGS[name]} />
    </svg>
  );
}

/** A flag that a screen reader can say. */
export function Flag({ number = 1 }: { number?: number }): JSX.Element {
  const said = number === 1 ? "flagged" : `${number} flags`;
  return (
    <span class="flag" role="img" aria-label={said} title={said}>
      🚩
    </span>
  );
}

/** The quality of a conversation: a word in its color. */
export function Quality({ quality }: { quality: string | null }): JSX.Element | null {
  if (quality === null) return null;
  return (
    <span class={`chip quality q-${quality.toLowerCase().replace(/[^a-z]/g, "")}`} title={`quality of the conversation: ${plain(quality)}`}>
      <Text text={quality} />
    </span>
  );
}

/** Puts text on the clipboard; also where the page is not on a secure origin. */
export async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Says for a moment that it worked. */
export function Copy({ text, label, children }: { text: () => string; label: string; children?: ComponentChildren }): JSX.Element {
  const [told, setTold] = useState<"done" | "failed" | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (event: MouseEvent) => {
    event.stopPropagation();
    setTold((await toClipboard(text())) ? "done" : "failed");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTold(null), 1500);
  };
  const says = told === "done" ? "copied" : told === "failed" ? "the browser did not let it be copied" : label;
  return (
    <button type="button" class={`copy ${told ?? ""} ${children ? "" : "bare"}`} onClick={(event) => void copy(event)} title={says} aria-label={says}>
      <Icon name={told === "done" ? "done" : "copy"} />
      {children}
    </button>
  );
}

/** A number with what it counts; nothing where there is none. */
export function Figure({ label, children, tone }: { label: string; children: ComponentChildren; tone?: "bad" }): JSX.Element {
  return (
    <span class={`figure ${tone ?? ""}`}>
      <b>{children}</b> {label}
    </span>
  );
}

type FoldedProps = { text: string; most: number; lines?: number; children: (text: string) => ComponentChildren };

/** Long text, the beginning first. */
export function Folded({ text, most, lines = 30, children }: FoldedProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const cut = cutAt(text, most, lines);
  if (cut === null) return <>{children(text)}</>;
  return (
    <>
      {children(open ? text : text.slice(0, cut) + "…")}
      <button type="button" class="more" onClick={() => setOpen(!open)} aria-expanded={open}>
        {open ? "show less" : `show all (${(text.length - cut).toLocaleString("en")} more characters)`}
      </button>
    </>
  );
}

/** Where to cut a text that is too long, at most so many characters and lines; null where it need not be cut. */
export function cutAt(text: string, most: number, lines = 30): number | null {
  let at = -1;
  for (let line = 0; line < lines; line += 1) {
    at = text.indexOf("\n", at + 1);
    if (at < 0) break;
  }
  let cut = Math.min(text.length, most, at < 0 ? text.length : at);
  // A little more is not worth a button.
  if (text.length - cut < 120) return null;
  if (/[\ud800-\udbff]/.test(text[cut - 1] ?? "")) cut -= 1;
  return cut;
}
