// The address of what is on the screen, in the hash: a link that can be sent, and the back button's memory.

/** What selects the traces of the list. */
export type Selection = {
  filter: string;
  flagged: boolean;
  errors: boolean;
  since: string;
};

export type Place =
  | { view: "list" }
  | { view: "trace"; id: string; span: string | null; within: string | null }
  | { view: "sessions" }
  | { view: "session"; name: string };

export type Route = Place & { selection: Selection };

export const EVERYTHING: Selection = { filter: "", flagged: false, errors: false, since: "" };

/** How far back one may look with a click. */
export const WINDOWS = ["5m", "30m", "2h", "1d"] as const;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Reads a hash; what makes no sense leads to the list. */
export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const params = new URLSearchParams(query);
  const since = params.get("since") ?? "";
  const selection: Selection = {
    filter: params.get("filter") ?? "",
    flagged: params.get("flagged") === "1",
    errors: params.get("errors") === "1",
    since: /^\d+[smhd]$/.test(since) ? since : "",
  };
  const parts = path.split("/").filter((part) => part !== "").map(decoded);
  const [view, name, sub, inner] = parts;
  if (view === "trace" && name !== undefined && /^[0-9a-f]{4,32}$/i.test(name)) {
    const span = sub === "span" && inner ? inner : null;
    return { view: "trace", id: name.toLowerCase(), span, within: params.get("in"), selection };
  }
  if (view === "sessions") return { view: "sessions", selection };
  if (view === "session" && name !== undefined) return { view: "session", name, selection };
  return { view: "list", selection };
}

/** The hash of a route, with `#`. */
export function format(place: Place, selection: Selection = EVERYTHING): string {
  const params = new URLSearchParams();
  if (selection.filter.trim() !== "") params.set("filter", selection.filter);
  if (selection.flagged) params.set("flagged", "1");
  if (selection.errors) params.set("errors", "1");
  if (selection.since !== "") params.set("since", selection.since);
  let path = "#/";
  if (place.view === "trace") {
    path += `trace/${place.id}`;
    if (place.span !== null) path += `/span/${encodeURIComponent(place.span)}`;
    if (place.within !== null) params.set("in", place.within);
  }
  if (place.view === "sessions") path += "sessions";
  if (place.view === "session") path += `session/${encodeURIComponent(place.name)}`;
  const query = params.toString();
  return query ? `${path}?${query}` : path;
}
