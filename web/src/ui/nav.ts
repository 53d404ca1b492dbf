// Where the reader is. Steps that a reader would want to take back become entries of the history; the rest only change the address.

import type { Place, Route, Selection } from "../lib/route.ts";
import { format, parse } from "../lib/route.ts";
import { Observable } from "./store.ts";

class Nav extends Observable {
  route: Route = parse(location.hash);
  /** What the back button of a trace leads to: the list, or the session that it was opened from. */
  home: Place = this.route.view === "trace" ? { view: "list" } : this.route;

  start(): void {
    const follow = () => this.arrive(location.hash);
    addEventListener("hashchange", follow);
    addEventListener("popstate", follow);
  }

  /** A step with an entry of its own. */
  go(place: Place, selection: Selection = this.route.selection): void {
    const hash = format(place, selection);
    if (hash !== format(this.route, this.route.selection)) history.pushState(null, "", hash);
    this.arrive(hash);
  }

  /** Another address for the same step. */
  replace(place: Place, selection: Selection = this.route.selection): void {
    const hash = format(place, selection);
    history.replaceState(null, "", hash);
    this.arrive(hash);
  }

  private arrive(hash: string): void {
    this.route = parse(hash);
    if (this.route.view !== "trace") this.home = this.route;
    this.changed();
  }
}

export const nav = new Nav();
