// Which lines of a trace are on the screen, and where to go from one of them. Rows come in the order of the tree.

import type { Row } from "./api.ts";

/** What a reader chose to see. */
export type Sight = {
  collapsed: ReadonlySet<string>;
  search: string;
  errorsOnly: boolean;
};

export type Visible = {
  /** Places in the outline's rows, top to bottom. */
  lines: number[];
  /** Which of all rows match the search; null where nothing is searched. */
  matches: Set<number> | null;
};

/** What tells rows apart: ids repeat in joined and in broken traces, so the place counts where they do. */
export function keys(rows: readonly Row[]): string[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const key = `${row.trace_id}/${row.span_id}`;
    const times = seen.get(key) ?? 0;
    seen.set(key, times + 1);
    return times === 0 ? key : `${key}/${times}`;
  });
}

function holds(row: Row, wanted: string): boolean {
  return [row.name, row.service, row.model, row.error, row.span_id, row.quality, row.http_status?.toString()].some(
    (text) => text?.toLowerCase().includes(wanted) === true,
  );
}

/** With a search or only errors: what matches and all that stands above it. Else: all but what is folded away. */
export function visible(rows: readonly Row[], names: readonly string[], sight: Sight): Visible {
  const wanted = sight.search.trim().toLowerCase();
  const matches = wanted === "" ? null : new Set<number>();
  if (matches !== null) {
    rows.forEach((row, place) => {
      if (holds(row, wanted) && (!sight.errorsOnly || row.error !== null)) matches.add(place);
    });
  }
  const lines: number[] = [];
  if (matches !== null || sight.errorsOnly) {
    const wantedRow = (place: number) => (matches === null ? rows[place]?.error !== null : matches.has(place));
    // From the bottom up: a row above a kept one is kept when it stands further left.
    let above = 0;
    for (let place = rows.length - 1; place >= 0; place -= 1) {
      const depth = rows[place]?.depth ?? 0;
      const isAbove = depth < above;
      if (!wantedRow(place) && !isAbove) continue;
      lines.push(place);
      above = isAbove ? depth : Math.max(above, depth);
    }
    return { lines: lines.reverse(), matches };
  }
  let hidden = Number.POSITIVE_INFINITY;
  for (let place = 0; place < rows.length; place += 1) {
    const depth = rows[place]?.depth ?? 0;
    if (depth > hidden) continue;
    hidden = Number.POSITIVE_INFINITY;
    lines.push(place);
    if (sight.collapsed.has(names[place] ?? "")) hidden = depth;
  }
  return { lines, matches };
}

/** The row above in the tree. */
export function parentOf(rows: readonly Row[], place: number): number | null {
  const depth = rows[place]?.depth ?? 0;
  for (let above = place - 1; above >= 0; above -= 1) {
    if ((rows[above]?.depth ?? 0) < depth) return above;
  }
  return null;
}

/** The next row that the test holds for, from the top again after the end. */
export function next(rows: readonly Row[], from: number, test: (row: Row, place: number) => boolean): number | null {
  for (let step = 1; step <= rows.length; step += 1) {
    const place = (from + step) % rows.length;
    const row = rows[place];
    if (row !== undefined && test(row, place)) return place;
  }
  return null;
}

/** Where a reader should look first: at what failed, else at what is flagged, else at a conversation, else at the top. */
export function firstOfInterest(rows: readonly Row[]): number {
  const tests: ((row: Row) => boolean)[] = [(row) => row.flagged, (row) => row.error !== null, (row) => row.has_conversation];
  for (const test of tests) {
    // The deepest of them, since errors and flags climb from where they began.
    let best: number | null = null;
    rows.forEach((row, place) => {
      if (test(row) && (best === null || row.depth > (rows[best]?.depth ?? 0))) best = place;
    });
    if (best !== null) return best;
  }
  return 0;
}
