// The spans of a trace as a tree, each with a bar at its time. Of many thousand rows only those in sight are made.

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Outline, Row } from "../lib/api.ts";
import { duration, tick, ticks } from "../lib/format.ts";
import { plain } from "../lib/text.ts";
import { Flag, Icon, Quality, Text } from "./bits.tsx";
import { memo } from "./memo.ts";
import { remember, remembered } from "./store.ts";
import type { Range } from "./trace.tsx";
import { takeFocus, useLength, useWindow } from "./virtual.ts";

/** Levels that are indented; deeper ones say their number. */
const LEVELS = 18;

const ODD = {
  parent_missing: "its parent is not here (yet)",
  loop: "it is its own ancestor; the loop is cut here",
  earlier_than_parent: "it starts before its parent: the clocks differ",
} as const;

type Props = {
  outline: Outline;
  names: string[];
  lines: number[];
  matches: Set<number> | null;
  collapsed: ReadonlySet<string>;
  selected: number;
  range: Range | null;
  foldable: boolean;
  select: (place: number) => void;
  fold: (place: number) => void;
  zoom: (range: Range | null) => void;
};

export function Waterfall(props: Props): JSX.Element {
  const { outline, names, lines, matches, collapsed, selected, range, foldable, select, fold, zoom } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const height = useLength("--span-row");
  const head = useLength("--axis");
  const seen = useWindow(scroller, lines.length, height, head);
  const { from, to } = range ?? { from: 0, to: Math.max(outline.duration_nanos, 1) };
  const [share, setShare] = useState(() => {
    const kept = Number(remembered("names"));
    return kept >= 20 && kept <= 80 ? kept : 46;
  });
  const line = useMemo(() => lines.indexOf(selected), [lines, selected]);
  useEffect(() => takeFocus(scroller.current), []);
  const shown = useRef("");
  useEffect(() => {
    // Only when another span was chosen: spans that arrive must not move what is read.
    const name = `${names[selected]}`;
    if (shown.current !== name && line >= 0) seen.reveal(line);
    shown.current = name;
  }, [line, selected, names]);

  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const follow = (moved: PointerEvent) => {
      const area = scroller.current?.getBoundingClientRect();
      if (area === undefined) return;
      const wanted = Math.min(80, Math.max(20, (100 * (moved.clientX - area.left)) / area.width));
      setShare(wanted);
      remember("names", wanted.toFixed(1));
    };
    const end = () => {
      handle.removeEventListener("pointermove", follow);
      handle.removeEventListener("pointerup", end);
    };
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("pointerup", end);
    event.preventDefault();
  };
  const at = (nanos: number) => (100 * (nanos - from)) / (to - from);
  const width = scroller.current?.clientWidth ?? 700;
  const marks = ticks(from, to, Math.max(2, Math.floor((width * (1 - share / 100)) / 80)));
  const current = line >= seen.first && line < seen.last ? `span-${selected}` : undefined;
  return (
    <div
      ref={scroller}
      class="scroller waterfall"
      role="treegrid"
      aria-label="Spans"
      aria-rowcount={lines.length}
      aria-activedescendant={current}
      tabIndex={0}
      style={{ "--names": `${share}%` }}
    >
      <div class="axis" role="presentation">
        <span class="axisname">Span</span>
        <span class="axistime">
          {marks.map((mark) => (
            <span key={mark} class={at(mark) > 94 ? "late" : ""} style={{ left: `${at(mark)}%` }}>
              {tick(mark)}
            </span>
          ))}
        </span>
        <span class="axistook">Duration</span>
        <span class="namesborder" aria-hidden="true" onPointerDown={drag} />
      </div>
      <div class="lines" style={{ height: `${seen.total}px` }} role="presentation">
        <div class="gridlines" aria-hidden="true">
          {marks.map((mark) => (
            <i key={mark} style={{ left: `${at(mark)}%` }} />
          ))}
        </div>
        {lines.slice(seen.first, seen.last).map((place, index) => {
          const row = outline.rows[place];
          if (row === undefined) return null;
          const left = at(row.start);
          const right = at(row.start + row.duration);
          return (
            <SpanRow
              key={names[place]}
              row={row}
              place={place}
              position={seen.first + index}
              top={(seen.first + index) * height}
              left={left}
              right={right}
              isSelected={place === selected}
              isFolded={foldable && collapsed.has(names[place] ?? "")}
              isDim={matches !== null && !matches.has(place)}
              foldable={foldable}
              select={select}
              fold={fold}
              zoom={zoom}
            />
          );
        })}
      </div>
      {lines.length === 0 && <p class="note centered">{matches !== null ? "No span matches." : "There is no span."}</p>}
    </div>
  );
}

type RowProps = {
  row: Row;
  place: number;
  position: number;
  top: number;
  left: number;
  right: number;
  isSelected: boolean;
  isFolded: boolean;
  isDim: boolean;
  foldable: boolean;
  select: (place: number) => void;
  fold: (place: number) => void;
  zoom: (range: Range | null) => void;
};

const SpanRow = memo(function SpanRow(props: RowProps): JSX.Element {
  const { row, place, position, top, left, right, isSelected, isFolded, isDim, foldable, select, fold, zoom } = props;
  const level = Math.min(row.depth, LEVELS);
  const failed = row.error !== null;
  const name = row.name.replace(/\s*🚩$/u, "") || "(no name)";
  const zoomTo = () => zoom({ from: Math.max(0, row.start - row.duration * 0.05), to: row.start + Math.max(row.duration, 1) * 1.05 });
  return (
    <div
      id={`span-${place}`}
      class={`srow r-${row.role} ${isSelected ? "selected" : ""} ${failed ? "failed" : ""} ${isDim ? "dim" : ""}`}
      role="row"
      aria-level={row.depth + 1}
      aria-rowindex={position + 1}
      aria-selected={isSelected}
      aria-expanded={row.has_children ? !isFolded : undefined}
      style={{ top: `${top}px`, "--level": level }}
      onClick={() => select(place)}
    >
      <span class="sname" role="gridcell" title={`${plain(row.name)}\n${plain(row.service)}${failed ? `\n${plain(row.error ?? "")}` : ""}`}>
        {row.depth > LEVELS && <small class="level">{row.depth}</small>}
        {row.has_children && foldable ? (
          <button
            type="button"
            class={`caret ${isFolded ? "" : "open"}`}
            tabIndex={-1}
            aria-label={isFolded ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              fold(place);
            }}
          >
            <Icon name="caret" />
          </button>
        ) : (
          <span class="caret" />
        )}
        <i class="swatch" aria-hidden="true" />
        <span class="labels">
          <span class="main">
            <span class="what">
              <Text text={name} />
            </span>
            {row.flagged && <Flag />}
            {row.oddity !== null && (
              <span class="odd" title={ODD[row.oddity]} role="img" aria-label={ODD[row.oddity]}>
                ≠
              </span>
            )}
          </span>
          <span class="service">
            <Text text={row.service} />
          </span>
        </span>
      </span>
      <span class="stime" role="gridcell" onDblClick={zoomTo}>
        <Bar row={row} left={left} right={right} />
      </span>
      <span class="took" role="gridcell">
        {duration(row.duration)}
      </span>
    </div>
  );
});

/** The bar, and beside it, where there is room, what came of it. */
function Bar({ row, left, right }: { row: Row; left: number; right: number }): JSX.Element | null {
  const label = (
    <>
      {row.http_status !== null && <span class={`http ${row.http_status >= 400 ? "bad" : ""}`}>{row.http_status}</span>}
      <Quality quality={row.quality} />
      {row.error === null && row.model !== null && (
        <span class="model">
          <Text text={row.model} />
        </span>
      )}
      {row.error !== null && (
        <span class="reason">
          <Text text={row.error} />
        </span>
      )}
    </>
  );
  if (right < 0 || left > 100) return <span class={`beyond ${right < 0 ? "" : "later"}`}>{right < 0 ? "◂" : "▸"}</span>;
  const shape = `span ${left < 0 ? "cutleft" : ""} ${right > 100 ? "cutright" : ""}`;
  const begin = Math.max(0, left);
  const end = Math.min(100, right);
  // To the right where there is more room than to the left; over the bar where it fills the line.
  const side = 100 - end >= 34 || 100 - end >= begin ? (100 - end < 20 ? "over" : "after") : begin < 20 ? "over" : "before";
  // Over the bar only what must not be missed.
  if (side === "over" && row.error === null && row.quality === null) {
    return <i class={shape} style={{ left: `${begin}%`, width: `${end - begin}%` }} />;
  }
  const position = side === "after" ? { left: `${end}%` } : side === "before" ? { right: `${100 - begin}%` } : { left: `${begin}%` };
  return (
    <>
      <i class={shape} style={{ left: `${begin}%`, width: `${end - begin}%` }} />
      <span class={`beside ${side} ${row.error === null ? "wraps" : ""}`} style={position}>
        {label}
      </span>
    </>
  );
}
