// Text from spans is hostile until it has been here: what could hide or reorder text is spelt out, in the same way as the
// terminal does it (src/viewer/paint.rs). HTML needs nothing: the page only ever makes text nodes.

// Control characters, bidirectional marks, line separators, invisible format characters. The joiner inside emoji is let through.
const HARMFUL =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\ud800-\udfff]/u;
const ALL_HARMFUL = new RegExp(HARMFUL.source, "gu");

// More than four combining marks on one character climb over their neighbors.
const TOO_MANY_MARKS = /(\p{M}{4})\p{M}+/gu;

/** A run of harmless text, or one character that is spelt out. */
export type Piece = string | { escape: string; code: number };

/** Whether any character of the text has to be spelt out. */
export function isHarmful(text: string): boolean {
  return HARMFUL.test(text);
}

function escapeOf(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}

/** The text in pieces; with `lines`, ends of lines and tabs stay what they are. */
export function pieces(text: string, lines = false): Piece[] {
  const tame = (lines ? text.replaceAll("\r\n", "\n") : text).replace(TOO_MANY_MARKS, "$1");
  if (!HARMFUL.test(tame)) return tame === "" ? [] : [tame];
  const found: Piece[] = [];
  let from = 0;
  for (const match of tame.matchAll(ALL_HARMFUL)) {
    const character = match[0];
    if (lines && (character === "\n" || character === "\t")) continue;
    if (match.index > from) found.push(tame.slice(from, match.index));
    found.push({ escape: escapeOf(character), code: character.codePointAt(0) ?? 0 });
    from = match.index + character.length;
  }
  if (from < tame.length) found.push(tame.slice(from));
  return found;
}

/** The text as one harmless string, for attributes such as `title` and for the title of the document. */
export function plain(text: string, lines = false): string {
  return pieces(text, lines)
    .map((piece) => (typeof piece === "string" ? piece : piece.escape))
    .join("");
}
