// State outside of components, so that it outlives the view that shows it.

import { useEffect, useReducer } from "preact/hooks";

/** Something that tells when it changed. */
export class Observable {
  private readonly observers = new Set<() => void>();

  observe(observer: () => void): () => void {
    this.observers.add(observer);
    return () => void this.observers.delete(observer);
  }

  changed(): void {
    for (const observer of [...this.observers]) observer();
  }
}

/** Draws the component again whenever that changes. */
export function useObservable(thing: Observable): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => thing.observe(() => again(undefined as never)), [thing]);
}

/** What the reader chose, remembered by the browser where it lets us. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`plano.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`plano.${key}`);
    else localStorage.setItem(`plano.${key}`, value);
  } catch {
    // A browser that remembers nothing still shows the page.
  }
}
