// Of many rows only those that can be seen are made.

import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useState } from "preact/hooks";

/** Rows above and below what can be seen, so that scrolling does not run into the void. */
const MARGIN = 12;

export type Window = {
  first: number;
  last: number;
  /** Height of all rows, in pixels. */
  total: number;
  height: number;
  /** Brings a row into view, if it is not. */
  reveal: (line: number) => void;
};

/** Which of so many equally high rows are to be made; `head` is what sticks to the top of the scroller. */
export function useWindow(scroller: RefObject<HTMLElement | null>, count: number, height: number, head: number): Window {
  const [range, setRange] = useState({ first: 0, last: 60 });
  const measure = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    const first = Math.max(0, Math.floor(element.scrollTop / height) - MARGIN);
    const last = Math.ceil((element.scrollTop + element.clientHeight) / height) + MARGIN;
    setRange((before) => (before.first === first && before.last === last ? before : { first, last }));
  }, [height]);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [measure, scroller.current]);
  useLayoutEffect(measure, [count, measure]);
  const reveal = useCallback(
    (line: number) => {
      const element = scroller.current;
      if (element === null || line < 0) return;
      const top = line * height;
      const room = element.clientHeight - head;
      if (top < element.scrollTop) element.scrollTop = Math.max(0, top - height);
      else if (top + height > element.scrollTop + room) element.scrollTop = top + 2 * height - room;
    },
    [height, head],
  );
  return { first: Math.min(range.first, count), last: Math.min(range.last, count), total: count * height, height, reveal };
}

/** A length of the style sheet in pixels: it follows the reader's font size. */
export function useLength(name: string): number {
  const read = () => {
    const style = getComputedStyle(document.documentElement);
    const text = style.getPropertyValue(name).trim();
    const number = Number.parseFloat(text);
    return text.endsWith("rem") ? number * Number.parseFloat(style.fontSize) : number;
  };
  const [length, setLength] = useState(read);
  useEffect(() => {
    const again = () => setLength(read());
    addEventListener("resize", again);
    return () => removeEventListener("resize", again);
  }, [name]);
  return length;
}

/** Whether a media query holds, as it changes. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const follow = () => setHolds(list.matches);
    follow();
    list.addEventListener("change", follow);
    return () => list.removeEventListener("change", follow);
  }, [query]);
  return holds;
}

/** The focus for a view that has just come, so that a screen reader reads on there; not where the reader types. */
export function takeFocus(element: HTMLElement | null): void {
  const held = document.activeElement;
  if (held === null || held === document.body) element?.focus({ preventScroll: true });
}
