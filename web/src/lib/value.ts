// The values of attributes as text: as a line, or as indented JSON where the value is a list, a map, or text that is JSON.

import type { Attribute, Value } from "./api.ts";

/** The value as JSON would hold it. */
export function plainValue(value: Value): unknown {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) return exact(value.intValue);
  if (value.doubleValue !== undefined) return value.doubleValue;
  if (value.bytesValue !== undefined) return `base64:${value.bytesValue}`;
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue);
  if (value.kvlistValue !== undefined) {
    // A map of its own making: a key named `__proto__` is a key like any other.
    return new Map((value.kvlistValue.values ?? []).map((entry) => [entry.key, plainValue(entry.value)]));
  }
  return null;
}

/** A whole number as a number where that is exact. */
function exact(number: string | number): number | string {
  const read = Number(number);
  return Number.isSafeInteger(read) ? read : String(number);
}

/** One of the kinds that are drawn differently. */
export type Kind = "text" | "number" | "bool" | "empty" | "json";

export type Shown = { kind: Kind; text: string };

/** How a value is shown. */
export function shown(value: Value): Shown {
  if (value.stringValue !== undefined) {
    const json = prettyJson(value.stringValue);
    return json === null ? { kind: "text", text: value.stringValue } : { kind: "json", text: json };
  }
  const held = plainValue(value);
  if (held === null) return { kind: "empty", text: "no value" };
  if (typeof held === "boolean") return { kind: "bool", text: String(held) };
  if (value.intValue !== undefined || value.doubleValue !== undefined) return { kind: "number", text: String(held) };
  if (typeof held === "string") return { kind: "text", text: held };
  return { kind: "json", text: indented(held) };
}

/** What is put on the clipboard: the value as it was sent. */
export function raw(value: Value): string {
  return value.stringValue ?? shown(value).text;
}

/** Indented, where the text is a list or an object in JSON; else null. */
export function prettyJson(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed.length > 2_000_000 || !/^(\{[\s\S]*\}|\[[\s\S]*\])$/.test(trimmed)) return null;
  try {
    JSON.parse(trimmed);
  } catch {
    return null;
  }
  return reindent(trimmed);
}

/** Lists and maps that are shorter stand on one line. */
const LINE = 64;

/** The same JSON with other white space: numbers keep all their digits and repeated keys stay, which parsing would lose. */
export function reindent(json: string): string {
  const words = json.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/gs) ?? [];
  const ends = closings(words);
  let out = "";
  let depth = 0;
  /** The place up to which everything stands on one line. */
  let inline = -1;
  words.forEach((word, place) => {
    const line = place < inline ? " " : `\n${"  ".repeat(Math.min(depth, 100))}`;
    if (word === "{" || word === "[") {
      const end = ends.get(place);
      if (place > inline && end !== undefined) inline = end;
      depth += 1;
      out += word;
      if (place > inline) out += `\n${"  ".repeat(Math.min(depth, 100))}`;
      else if (word === "{" && words[place + 1] !== "}") out += " ";
    } else if (word === "}" || word === "]") {
      depth -= 1;
      if (place > inline) out += `\n${"  ".repeat(Math.min(depth, 100))}`;
      else if (word === "}" && words[place - 1] !== "{") out += " ";
      out += word;
    } else if (word === ",") out += word + line;
    else out += word === ":" ? ": " : word;
  });
  return out;
}

/** For each opening word whose list or map fits on a line, the place of its closing one. */
function closings(words: readonly string[]): Map<number, number> {
  const ends = new Map<number, number>();
  const open: { place: number; from: number }[] = [];
  let length = 0;
  words.forEach((word, place) => {
    if (word === "{" || word === "[") open.push({ place, from: length });
    length += word.length + (word === "," || word === ":" ? 1 : 0);
    if (word !== "}" && word !== "]") return;
    const opened = open.pop();
    if (opened !== undefined && length - opened.from <= LINE) ends.set(opened.place, place);
  });
  return ends;
}

/** Indented JSON of what `plainValue` made. */
function indented(held: unknown): string {
  return reindent(compact(held));
}

function compact(held: unknown): string {
  if (held instanceof Map) {
    return `{${[...held].map(([key, value]) => `${JSON.stringify(key)}:${compact(value)}`).join(",")}}`;
  }
  if (Array.isArray(held)) return `[${held.map(compact).join(",")}]`;
  return JSON.stringify(held) ?? "null";
}

export type Token = { kind: "key" | "text" | "number" | "word" | "mark"; text: string };

/** Indented JSON in words, to be tinted. */
export function tokens(json: string): Token[] {
  const found: Token[] = [];
  const pattern = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)|([^"\dtfn-]+|.)/gs;
  for (const match of json.matchAll(pattern)) {
    const [all, text, colon, number, word] = match;
    if (text !== undefined) {
      found.push({ kind: colon === undefined ? "text" : "key", text });
      if (colon !== undefined) found.push({ kind: "mark", text: colon });
    } else if (number !== undefined) found.push({ kind: "number", text: all });
    else if (word !== undefined) found.push({ kind: "word", text: all });
    else found.push({ kind: "mark", text: all });
  }
  return found;
}

/** By key; the order of equal keys stays. */
export function sorted(attributes: readonly Attribute[]): Attribute[] {
  return [...attributes].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}
