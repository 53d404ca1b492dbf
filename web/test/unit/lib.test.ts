// The pure parts: data in, text out.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Reply, Row, Summary } from "../../src/lib/api.ts";
import { condition, keyAt, sessionCondition, suggestions } from "../../src/lib/filterline.ts";
import { ago, bytes, cost, duration, short, tick, ticks } from "../../src/lib/format.ts";
import { merge } from "../../src/lib/merge.ts";
import { EVERYTHING, format, parse } from "../../src/lib/route.ts";
import { firstOfInterest, keys, next, parentOf, visible } from "../../src/lib/rows.ts";
import { pieces, plain } from "../../src/lib/text.ts";
import { plainValue, prettyJson, raw, reindent, shown, tokens } from "../../src/lib/value.ts";

test("harmful characters are spelt out as the terminal does it", () => {
  // The same table as in src/viewer/paint.rs.
  for (const [text, expected] of [
    ["plain 🚩 日本", "plain 🚩 日本"],
    ["a\nb\tc\r", "a\\nb\\tc\\r"],
    ["\x1b]0;owned\x07", "\\x1b]0;owned\\x07"],
    ["\u{9b}2J\u{7f}", "\\x9b2J\\x7f"],
    ["\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"],
    ["\u{e0041}", "\\u{e0041}"],
    ["👩\u{200d}💻", "👩\u{200d}💻"],
    [`z${"\u{300}".repeat(50)}`, "z\u{300}\u{300}\u{300}\u{300}"],
    ["\ud800x", "\\u{d800}x"],
    ["", ""],
  ] as const) {
    assert.equal(plain(text), expected);
  }
  assert.equal(plain("a\r\nb\tc\u{2028}", true), "a\nb\tc\\u{2028}");
  assert.deepEqual(pieces("a\u{202e}b"), ["a", { escape: "\\u{202e}", code: 0x202e }, "b"]);
});

test("nothing harmful is left, whatever comes in", () => {
  const harmful = /[\p{Cc}\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\ufeff]/u;
  for (let code = 0; code < 0x3000; code += 1) {
    const text = `a${String.fromCodePoint(code)}b`;
    assert.ok(!harmful.test(plain(text)), code.toString(16));
    assert.ok(!harmful.test(plain(text, true).replace(/[\n\t]/g, "")), code.toString(16));
  }
});

test("lengths of time read as on the terminal", () => {
  for (const [nanos, expected] of [
    [0, "0ms"],
    [1, "1µs"],
    [311_200, "312µs"],
    [843_900_000, "843ms"],
    [8_043_000_000, "8.04s"],
    [123_000_000_000, "2m 03s"],
    [3_720_000_000_000, "1h 02m"],
    [273_600_000_000_000, "3d 04h"],
  ] as const) {
    assert.equal(duration(nanos), expected);
  }
});

test("numbers are as long as they say something", () => {
  const now = 1_000_000_000_000;
  const agoOf = (seconds: number) => ago((now - seconds * 1000) * 1e6, now);
  assert.deepEqual([0, 12, 300, 7300, 200_000, -60].map(agoOf), ["now", "12s", "5m", "2h", "2d", "ahead"]);
  assert.equal(ago(0, now), "no time");
  assert.deepEqual([999, 9999, 12_345, 123_456, 4_560_000].map(short), ["999", "9,999", "12.3k", "123k", "4.6M"]);
  assert.deepEqual([0, 1e-7, 0.000012, 0.0042, 0.123, 1.2, 1234.5].map(cost), ["$0.00", "<$0.000001", "$0.000012", "$0.0042", "$0.123", "$1.20", "$1234.50"]);
  assert.deepEqual([10, 2048, 300 * 1024 * 1024].map(bytes), ["10 B", "2.0 KiB", "300 MiB"]);
});

test("a time axis has few and round marks", () => {
  assert.deepEqual(ticks(0, 8_043_000_000, 5).map(tick), ["0", "2s", "4s", "6s", "8s"]);
  assert.deepEqual(ticks(1_200_000, 2_100_000, 4).map(tick), ["1.5ms", "2ms"]);
  assert.deepEqual(ticks(0, 600e9, 5).map(tick), ["0", "2m 00s", "4m 00s", "6m 00s", "8m 00s", "10m 00s"].slice(0, 6));
  assert.deepEqual(ticks(5, 5, 5), []);
  for (const to of [1, 7, 999, 12_345, 6e10, 4e12, 9e15, 1e18]) {
    for (const most of [1, 2, 5, 12]) assert.ok(ticks(0, to, most).length <= most + 1, `${to} ${most}`);
  }
});

test("a route comes back from its hash", () => {
  const selection = { filter: 'name="a b" x>1&y=#?', flagged: true, errors: true, since: "5m" };
  for (const place of [
    { view: "list" },
    { view: "trace", id: "abcd1234", span: null, within: null },
    { view: "trace", id: "abcd1234", span: "00ff", within: "77" },
    { view: "sessions" },
    { view: "session", name: "../../<i>%2e?#" },
  ] as const) {
    assert.deepEqual(parse(format(place, selection)), { ...place, selection });
    assert.deepEqual(parse(format(place)), { ...place, selection: EVERYTHING });
  }
  for (const hash of ["", "#", "#/", "#nonsense", "#/trace/xyz", "#/trace", "#/session", "#/%E0%A4%A"]) {
    assert.equal(parse(hash).view, "list", hash);
  }
  assert.equal(parse("#/?since=<script>").selection.since, "");
});

test("keys are offered where a key is typed", () => {
  const at = (line: string) => keyAt(line.replace("|", ""), line.indexOf("|"))?.text ?? null;
  assert.deepEqual(["llm|", "a=1 sta|", "a=|", 'n="x y|', "!err|", "|", "name=POST |"].map(at), ["llm", "sta", null, null, "err", null, null]);
  assert.deepEqual(keyAt("a=1 lm.x=2", 6), { from: 4, to: 8, text: "lm" });
  assert.deepEqual(suggestions(["llm.model", "service", "my.llm"], "LLM", 5), ["llm.model", "my.llm"]);
  assert.deepEqual(suggestions(["status"], "status", 5), []);
});

test("an attribute becomes a condition only where the language can say it", () => {
  const of = (key: string, text: string) => condition({ key, value: { stringValue: text } });
  assert.equal(of("llm.model", "gpt-4o"), "llm.model=gpt-4o");
  assert.equal(of("name", 'say "hi" \\ now'), 'name="say \\"hi\\" \\\\ now"');
  assert.equal(of("a b", "x"), null);
  assert.equal(of("k", "line\nline"), null);
  assert.equal(of("k", ""), null);
  assert.equal(condition({ key: "n", value: { intValue: "7" } }), "n=7");
  assert.equal(condition({ key: "n", value: { arrayValue: { values: [] } } }), null);
  assert.equal(sessionCondition("a b"), 'session="a b"');
});

test("values are shown as what they are", () => {
  assert.deepEqual(shown({ stringValue: "x" }), { kind: "text", text: "x" });
  assert.deepEqual(shown({ intValue: "9223372036854775807" }), { kind: "number", text: "9223372036854775807" });
  assert.deepEqual(shown({ boolValue: false }), { kind: "bool", text: "false" });
  assert.deepEqual(shown({ doubleValue: "NaN" }), { kind: "number", text: "NaN" });
  assert.deepEqual(shown({}), { kind: "empty", text: "no value" });
  assert.deepEqual(shown({ stringValue: '{"a":1}' }), { kind: "json", text: '{ "a": 1 }' });
  assert.deepEqual(shown({ stringValue: "{not json}" }), { kind: "text", text: "{not json}" });
  const map = { kvlistValue: { values: [{ key: "__proto__", value: { intValue: 1 } }] } };
  assert.deepEqual(plainValue(map), new Map([["__proto__", 1]]));
  assert.equal(shown(map).text, '{ "__proto__": 1 }');
  assert.equal(raw({ stringValue: '{"a":  1}' }), '{"a":  1}');
});

test("JSON is laid out anew and loses nothing", () => {
  assert.equal(reindent('{"n":12345678901234567890,"n":1.50,"e":[],"o":{}}'), '{ "n": 12345678901234567890, "n": 1.50, "e": [], "o": {} }');
  const long = { a: "x".repeat(70), b: [1, { c: 'q"{[' }] };
  assert.equal(reindent(JSON.stringify(long)), `{\n  "a": "${"x".repeat(70)}",\n  "b": [1, { "c": "q\\"{[" }]\n}`);
  const deep = "[".repeat(5000) + "]".repeat(5000);
  assert.equal(reindent(deep).replace(/\s/g, ""), deep);
  for (const text of ['{"a":[{"b":null,"c":true},-1e9,"\\u0000"],"d":{"e":{"f":[[],[[]]]}}}', JSON.stringify([long, long])]) {
    assert.deepEqual(JSON.parse(reindent(text)), JSON.parse(text));
    assert.equal(tokens(reindent(text)).map((token) => token.text).join(""), reindent(text));
  }
  assert.equal(prettyJson("[1, 2"), null);
  assert.equal(prettyJson("7"), null);
});

function rows(text: string): Row[] {
  return text.split(" ").map((word) => {
    const [depth, name = "", mark] = word.split(":");
    return {
      span_id: name, trace_id: "t", parent_span_id: "", depth: Number(depth), has_children: false, oddity: null, name, service: "s", role: "other",
      kind: "internal", start: 0, duration: 1, error: mark === "e" ? "bad" : null, http_status: null, flagged: mark === "f", quality: null,
      tokens_in: 0, tokens_out: 0, model: null, has_conversation: mark === "c",
    };
  });
}

function seen(text: string, sight: { folded?: string[]; search?: string; errorsOnly?: boolean }): string {
  const list = rows(text);
  const collapsed = new Set((sight.folded ?? []).map((name) => `t/${name}`));
  const shownRows = visible(list, keys(list), { collapsed, search: sight.search ?? "", errorsOnly: sight.errorsOnly ?? false });
  return shownRows.lines.map((place) => list[place]?.name).join(" ");
}

test("rows are folded, searched and narrowed with what stands above them", () => {
  const tree = "0:a 1:b 2:c 3:cc:e 2:d 1:e 2:cx 0:z 1:y";
  assert.equal(seen(tree, {}), "a b c cc d e cx z y");
  assert.equal(seen(tree, { folded: ["b"] }), "a b e cx z y");
  assert.equal(seen(tree, { folded: ["c", "a"] }), "a z y");
  assert.equal(seen(tree, { search: "C" }), "a b c cc e cx");
  assert.equal(seen(tree, { search: "y" }), "z y");
  assert.equal(seen(tree, { search: "nothing" }), "");
  assert.equal(seen(tree, { errorsOnly: true }), "a b c cc");
  assert.equal(seen(tree, { errorsOnly: true, search: "y" }), "");
  // A search looks into what is folded.
  assert.equal(seen(tree, { folded: ["a"], search: "cx" }), "a e cx");
});

test("one goes from row to row", () => {
  const list = rows("0:a 1:b:f 2:c:e 1:d 0:x:e");
  assert.equal(next(list, -1, (row) => row.error !== null), 2);
  assert.equal(next(list, 2, (row) => row.error !== null), 4);
  assert.equal(next(list, 4, (row) => row.error !== null), 2);
  assert.equal(next(list, 0, () => false), null);
  assert.deepEqual([2, 3, 0].map((place) => parentOf(list, place)), [1, 0, null]);
  assert.equal(firstOfInterest(list), 1);
  assert.equal(firstOfInterest(rows("0:a:e 1:b 2:c:e")), 2);
  assert.equal(firstOfInterest(rows("0:a 1:b:c")), 1);
  assert.equal(firstOfInterest(rows("0:a 1:b")), 0);
});

test("rows with one id are told apart", () => {
  assert.deepEqual(keys(rows("0:a 1:a 1:b 1:a")), ["t/a", "t/a/1", "t/b", "t/a/2"]);
});

test("arrivals go on top, and a list that cannot be trusted says so", () => {
  const summary = (id: string, sequence: number) => ({ trace_id: id, sequence }) as Summary;
  const reply = (ids: string, held: number, dropped = 0): Reply => ({
    summaries: ids.split(" ").filter(Boolean).map((id) => summary(id, 9)), cursor: null, dropped: { traces: dropped, spans: 0 }, held, newest: 9,
  });
  const check = (before: string, came: Reply, whole: boolean, expected: string) => {
    const held = { rows: before.split(" ").map((id) => summary(id, 1)), held: before.split(" ").length, dropped: 0 };
    const { rows: list, added, stale } = merge(held, came, whole);
    assert.equal(`${list.map((row) => row.trace_id).join(" ")} +${added}${stale ? " stale" : ""}`, expected);
  };
  check("b a", reply("c", 3), true, "c b a +1");
  check("b a", reply("a", 2), true, "a b +0");
  check("b a", reply("", 2), true, "b a +0");
  // At the limit the oldest goes.
  check("b a", reply("c", 2, 1), true, "c b +1");
  // Two became one.
  check("b a", reply("b", 1), true, "b a +0 stale");
  check("b a", reply("c", 50), false, "c b a +1");
  check("b a", reply("", 1), false, "b a +0 stale");
});
