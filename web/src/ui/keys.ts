// The keyboard. Views register what they know; the one registered last is asked first.

import { useEffect, useRef } from "preact/hooks";

/** By `KeyboardEvent.key`. A handler that answers false passes the key on. */
export type Keys = Record<string, (event: KeyboardEvent) => boolean | void>;

type Layer = { current: Keys; closed: boolean };

const layers: Layer[] = [];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Keys that a focused element of its own kind needs itself. */
function belongsTo(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (key === "Enter" || key === " ") return target.closest("a,button,summary") !== null;
  if (/^(Arrow|Page|Home|End)/.test(key)) return target.closest("[data-own-keys]") !== null;
  return false;
}

export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target) && event.key !== "Escape") return;
    if (belongsTo(event.target, event.key)) return;
    for (const layer of [...layers].reverse()) {
      const handler = Object.hasOwn(layer.current, event.key) ? layer.current[event.key] : undefined;
      if (handler !== undefined && handler(event) !== false) {
        event.preventDefault();
        return;
      }
      if (layer.closed) return;
    }
  });
}

/** The keys of a view, while it is on the screen; a `closed` one lets no key through to what is behind it. */
export function useKeys(keys: Keys, closed = false): void {
  const layer = useRef<Layer>({ current: keys, closed });
  layer.current.current = keys;
  useEffect(() => {
    const held = layer.current;
    layers.push(held);
    return () => void layers.splice(layers.indexOf(held), 1);
  }, []);
}
