// The line that selects traces: what is typed goes to the listener as it is, and its objection stands below.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { ask } from "../lib/api.ts";
import { keyAt, suggestions } from "../lib/filterline.ts";
import type { Selection } from "../lib/route.ts";
import { WINDOWS } from "../lib/route.ts";
import { Icon, Text } from "./bits.tsx";
import { useKeys } from "./keys.ts";

/** What every span has, for the time before the listener told its keys. */
const FIELDS = ["name", "service", "status", "kind", "duration", "model", "quality", "session", "flagged", "error"];

/** How long one types on before the listener is asked. */
const PAUSE = 350;

export function FilterBar({ selection, change, fault }: { selection: Selection; change: (selection: Selection) => void; fault: string | null }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => input.current?.focus() });
  return (
    <div class="filterbar">
      <div class="filterrow">
        <FilterLine input={input} selection={selection} change={change} fault={fault} />
        <div class="toggles" role="group" aria-label="Narrow the list">
          <button type="button" class="toggle" aria-pressed={selection.flagged} onClick={() => change({ ...selection, flagged: !selection.flagged })}>
            🚩 flagged
          </button>
          <button type="button" class="toggle bad" aria-pressed={selection.errors} onClick={() => change({ ...selection, errors: !selection.errors })}>
            errors
          </button>
          <label class="since">
            <span class="offscreen">Time window</span>
            <select value={selection.since} onChange={(event) => change({ ...selection, since: event.currentTarget.value })}>
              <option value="">all times</option>
              {[...WINDOWS, ...(isOwn(selection.since) ? [selection.since] : [])].map((since) => (
                <option key={since} value={since}>
                  last {since}
                </option>
              ))}
            </select>
          </label>
        </div>
      </div>
      {fault !== null && (
        <p class="fault" role="alert" id="fault">
          <Text text={fault} />
        </p>
      )}
    </div>
  );
}

function isOwn(since: string): boolean {
  return since !== "" && !(WINDOWS as readonly string[]).includes(since);
}

type LineProps = {
  input: { current: HTMLInputElement | null };
  selection: Selection;
  change: (selection: Selection) => void;
  fault: string | null;
};

function FilterLine({ input, selection, change, fault }: LineProps): JSX.Element {
  const [text, setText] = useState(selection.filter);
  const [keys, setKeys] = useState<string[]>(FIELDS);
  const [offered, setOffered] = useState<string[]>([]);
  const [chosen, setChosen] = useState(-1);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // A filter that was set elsewhere, by a link or by the back button.
  useEffect(() => {
    if (document.activeElement !== input.current || selection.filter === "") setText(selection.filter);
  }, [selection.filter]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const apply = (filter: string) => {
    clearTimeout(timer.current);
    if (filter.trim() !== selection.filter.trim()) change({ ...selection, filter });
  };
  const offer = (line: string, caret: number) => {
    const typed = keyAt(line, caret);
    setOffered(typed === null ? [] : suggestions(keys, typed.text, 8));
    setChosen(-1);
  };
  const typed = (line: string, caret: number) => {
    setText(line);
    offer(line, caret);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply(line), PAUSE);
  };
  const take = (key: string) => {
    const element = input.current;
    const at = keyAt(text, element?.selectionStart ?? text.length);
    if (at === null || element === null) return;
    const line = `${text.slice(0, at.from)}${key}=${text.slice(at.to).replace(/^=/, "")}`;
    setText(line);
    setOffered([]);
    const caret = at.from + key.length + 1;
    element.focus();
    requestAnimationFrame(() => element.setSelectionRange(caret, caret));
  };
  const learn = async () => {
    try {
      const told = await ask<{ keys: string[] }>("/api/keys");
      setKeys([...new Set([...FIELDS, ...told.keys])]);
    } catch {
      // Without suggestions the line works as well.
    }
  };
  const key = (event: KeyboardEvent) => {
    const open = offered.length > 0;
    if (event.key === "Escape") {
      event.stopPropagation();
      if (open) setOffered([]);
      else input.current?.blur();
    } else if (event.key === "Enter" || (event.key === "Tab" && chosen >= 0)) {
      const pick = offered[chosen];
      if (pick !== undefined) take(pick);
      else apply(text);
      if (pick === undefined) setOffered([]);
      event.preventDefault();
    } else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const by = event.key === "ArrowDown" ? 1 : -1;
      // Between the last and the first stands none: what was typed.
      const places = offered.length + 1;
      setChosen(((chosen + 1 + by + places) % places) - 1);
      event.preventDefault();
    }
  };
  return (
    <div class={`line ${fault !== null && text.trim() !== "" ? "faulty" : ""}`}>
      <Icon name="search" />
      <input
        ref={input}
        class="filter"
        type="text"
        role="combobox"
        aria-label="Filter"
        aria-autocomplete="list"
        aria-expanded={offered.length > 0}
        aria-controls="keys"
        aria-activedescendant={chosen >= 0 ? `key-${chosen}` : undefined}
        aria-describedby={fault !== null ? "fault" : undefined}
        aria-invalid={fault !== null}
        placeholder="Filter: any text  status=error  duration>2s  model~mini"
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        value={text}
        onInput={(event) => typed(event.currentTarget.value, event.currentTarget.selectionStart ?? 0)}
        onFocus={() => void learn()}
        onBlur={() => {
          setOffered([]);
          apply(text);
        }}
        onKeyDown={key}
      />
      {text === "" ? (
        <kbd class="hint" aria-hidden="true">
          /
        </kbd>
      ) : (
        <button
          type="button"
          class="tool clear"
          aria-label="Clear the filter"
          title="Clear the filter"
          onClick={() => {
            setText("");
            apply("");
            input.current?.focus();
          }}
        >
          <Icon name="close" />
        </button>
      )}
      {offered.length > 0 && (
        <ul id="keys" class="offered" role="listbox" aria-label="Keys">
          {offered.map((name, place) => (
            <li
              key={name}
              id={`key-${place}`}
              role="option"
              aria-selected={place === chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                take(name);
              }}
            >
              <Text text={name} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
