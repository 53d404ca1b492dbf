// The stream that tells when something arrived. Closed while nobody looks: browsers allow a host few connections, and a page in
// the background needs none of them.

import type { Info } from "../lib/api.ts";
import { ask } from "../lib/api.ts";
import { Observable } from "./store.ts";

export type LiveState = "connecting" | "live" | "paused" | "lost";

class Live extends Observable {
  state: LiveState = "connecting";
  /** The newest sequence that was told; grows with each arrival. */
  newest = 0;
  private source: EventSource | null = null;
  private retry = 0;
  private wait: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.close();
      else if (this.state !== "paused") this.open();
    });
    addEventListener("pagehide", () => this.close());
    if (!document.hidden) this.open();
  }

  toggle(): void {
    if (this.state === "paused") {
      this.set("connecting");
      this.open();
    } else {
      this.close();
      this.set("paused");
    }
  }

  private open(): void {
    this.close();
    const source = new EventSource("/api/live");
    this.source = source;
    source.addEventListener("open", () => {
      this.retry = 0;
      this.set("live");
    });
    source.addEventListener("newest", (event) => {
      const told: unknown = JSON.parse((event as MessageEvent<string>).data);
      const newest = (told as { newest?: unknown }).newest;
      if (typeof newest !== "number" || newest === this.newest) return;
      this.newest = newest;
      this.changed();
    });
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.close();
      this.set("lost");
      this.retry += 1;
      this.wait = setTimeout(() => this.open(), Math.min(500 * 2 ** (this.retry - 1), 8000));
    });
  }

  private close(): void {
    clearTimeout(this.wait);
    this.source?.close();
    this.source = null;
  }

  private set(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    this.changed();
  }
}

export const live = new Live();

/** What the listener says of itself. */
class InfoModel extends Observable {
  info: Info | null = null;

  async load(): Promise<void> {
    try {
      this.info = await ask<Info>("/api/info");
      this.changed();
    } catch {
      // The indicator already says that nobody answers; the old figures stay.
    }
  }
}

export const about = new InfoModel();
