// Help with the filter line while it is typed. What a filter means is the listener's to say.

import type { Attribute, Value } from "./api.ts";

/** The word at the caret, when it is a key that is being typed. */
export function keyAt(line: string, caret: number): { from: number; to: number; text: string } | null {
  let from = 0;
  let quoted = false;
  for (let at = 0; at < caret; at += 1) {
    const character = line[at] ?? "";
    if (quoted && character === "\\") at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && /\s/.test(character)) from = at + 1;
  }
  // `!` turns a condition round.
  if (line[from] === "!" && from < caret) from += 1;
  const text = line.slice(from, caret);
  if (quoted || text === "" || /[=<>~!"]/.test(text)) return null;
  const rest = /^[^\s=<>~!]*/.exec(line.slice(caret))?.[0] ?? "";
  return { from, to: caret + rest.length, text };
}

/** Keys that fit what was typed: those that begin with it first, then those that hold it. */
export function suggestions(keys: string[], typed: string, most: number): string[] {
  const wanted = typed.toLowerCase();
  const begin: string[] = [];
  const hold: string[] = [];
  for (const key of keys) {
    const lower = key.toLowerCase();
    if (lower === wanted) continue;
    if (lower.startsWith(wanted)) begin.push(key);
    else if (lower.includes(wanted)) hold.push(key);
  }
  return [...begin, ...hold].slice(0, most);
}

/** A condition for exactly this attribute, or null where the language has no word for it. */
export function condition(attribute: Attribute): string | null {
  const text = scalar(attribute.value);
  if (text === null || text.trim() === "" || text.trim() !== text || text.length > 200) return null;
  if (/[\s\p{Cc}=<>~!"\\]/u.test(attribute.key) || /\p{Cc}/u.test(text)) return null;
  return `${attribute.key}=${quoted(text)}`;
}

function quoted(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function scalar(value: Value): string | null {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return String(value.boolValue);
  if (value.intValue !== undefined) return String(value.intValue);
  if (value.doubleValue !== undefined) return String(value.doubleValue);
  return null;
}

/** A condition for that session, by whatever name its emitter calls it. */
export function sessionCondition(name: string): string {
  return `session=${quoted(name)}`;
}

/** Several lines as one: all that stands in them must hold. */
export function joined(...lines: string[]): string {
  return lines.map((line) => line.trim()).filter((line) => line !== "").join(" ");
}
