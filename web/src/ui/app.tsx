// The frame: what stays on the screen whichever view is in it.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Icon } from "./bits.tsx";
import { Help } from "./help.tsx";
import { startKeys, useKeys } from "./keys.ts";
import { List } from "./list.tsx";
import { list } from "./listmodel.ts";
import { about, live } from "./live.ts";
import { nav } from "./nav.ts";
import { SessionView, Sessions } from "./sessions.tsx";
import { useObservable } from "./store.ts";
import type { Theme } from "./theme.ts";
import { choice } from "./theme.ts";
import { TraceView } from "./trace.tsx";

export function App(): JSX.Element {
  useObservable(nav);
  const [help, setHelp] = useState(false);
  useEffect(() => {
    nav.start();
    live.start();
    startKeys();
    void about.load();
  }, []);
  useKeys({
    "?": () => setHelp(true),
    t: () => choice.turn(),
    p: () => live.toggle(),
    "1": () => nav.go({ view: "list" }),
    "2": () => nav.go({ view: "sessions" }),
  });
  const { route } = nav;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.querySelector<HTMLElement>("main [tabindex]")?.focus())}>
        Skip to the traces
      </a>
      <header class="top">
        <a class="brand" href="#/" onClick={step(() => nav.go({ view: "list" }))} title="All traces">
          <Logo />
          <span>Plano</span>
        </a>
        <nav aria-label="Views">
          <a
            href="#/"
            aria-current={route.view === "list" || route.view === "trace" ? "page" : undefined}
            onClick={step(() => nav.go({ view: "list" }))}
          >
            Traces
          </a>
          <a
            href="#/sessions"
            aria-current={route.view === "sessions" || route.view === "session" ? "page" : undefined}
            onClick={step(() => nav.go({ view: "sessions" }))}
          >
            Sessions
          </a>
        </nav>
        <span class="grow" />
        <LiveState />
        <ThemeSwitch />
        <button type="button" class="tool" onClick={() => setHelp(true)} title="Keys (?)" aria-label="Keys and help">
          ?
        </button>
      </header>
      <main id="main">
        {route.view === "list" && <List />}
        {route.view === "trace" && <TraceView key={route.id} id={route.id} span={route.span} within={route.within} />}
        {route.view === "sessions" && <Sessions />}
        {route.view === "session" && <SessionView key={route.name} name={route.name} />}
      </main>
      {help && <Help close={() => setHelp(false)} />}
    </>
  );
}

/** A click without a modifier goes there in this page; any other is the browser's. */
export function step(go: () => void): (event: MouseEvent) => void {
  return (event) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go();
  };
}

function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 20 20" aria-hidden="true">
      <rect x="2" y="3" width="16" height="3.4" rx="1.7" class="l1" />
      <rect x="5" y="8.3" width="9" height="3.4" rx="1.7" class="l2" />
      <rect x="8" y="13.6" width="10" height="3.4" rx="1.7" class="l3" />
    </svg>
  );
}

const STATES = {
  connecting: ["connecting", "The page is connecting to the listener."],
  live: ["live", "New traces appear as they arrive. Press p to pause."],
  paused: ["paused", "New traces wait. Press p to go on."],
  lost: ["disconnected", "The listener does not answer; the page tries again by itself."],
} as const;

function LiveState(): JSX.Element {
  useObservable(live);
  const [word, title] = STATES[live.state];
  const paused = live.state === "paused";
  useEffect(() => {
    if (live.state === "live") {
      void about.load();
      void list.arrivals(list.scrollTop > 0);
    }
  }, [live.state]);
  return (
    <span class={`live ${live.state}`} title={title}>
      <span class="dot" aria-hidden="true" />
      <span class="word" role="status">
        {word}
      </span>
      <button type="button" class="tool" onClick={() => live.toggle()} aria-pressed={paused} aria-label="Pause live updates" title={paused ? "Go on (p)" : "Pause (p)"}>
        <Icon name={paused ? "play" : "pause"} />
      </button>
    </span>
  );
}

const THEMES: Record<Theme, string> = { system: "as the system", light: "light", dark: "dark" };

function ThemeSwitch(): JSX.Element {
  useObservable(choice);
  const label = `Theme: ${THEMES[choice.theme]}`;
  return (
    <button type="button" class="tool" onClick={() => choice.turn()} title={`${label} (t)`} aria-label={label}>
      <Icon name={choice.theme} />
    </button>
  );
}
