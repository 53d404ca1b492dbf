"""The datadog exporter beside Datadog's own agent: 300 varied spans and one trace of the gateway, field by field, and the statistics.

The agent's whole way (tests/interop/go/datadog_mapping) makes the reference anew, which must be what the repository keeps. Our exporter
sends the same spans to an intake on loopback; Datadog's own types read what came. A difference that MEANT does not explain is a
failure, and so is an explanation that explains nothing any more. The statistics must agree in every group and number, the quantiles of
their sketches within what the two sketches promise.
"""

import json
import time
from collections import Counter

import harness
from datadog import FIXTURES, HOST, KEY, STATS, TRACES, Intake, collector, end, printed, program, read, send

PACKAGES = []
VERSION = "agent 7.85.4"
NEEDS = [program]
# What is "now" for who looks at a start that was taken from a clock, in nanoseconds.
RECENT = 600 * 10**9


def check(bench):
    made = {name: reference(program(), name) for name in ("varied", "agent")}
    counted = printed(program(), "-stats", FIXTURES / "varied.json")
    assert counted == (FIXTURES / "datadog_reference_stats.json").read_text(), REMADE.format("datadog_reference_stats.json")
    used = Counter()
    for name, payloads in made.items():
        with Intake() as intake:
            process, port = collector(bench, name, EXPORTER.format(key=KEY, host=HOST, port=intake.port))
            send(port, FIXTURES / f"{name}.json")
            expected = sum(len(chunk["spans"]) for payload in payloads for chunk in payload["chunks"])
            ours = sent(bench, intake, name, expected)
            end(process)
            assert not intake.faults, "\n".join(intake.faults)
            used += compare(name, ours, payloads)
            if name == "varied":
                compare_stats(read(bench, "stats", intake.bodies(STATS), "-stats"), json.loads(counted))
    for row, (reason, _) in enumerate(MEANT):
        assert used[row], f"explains nothing any more: {reason}"
        print(f"{used[row]:5} fields: {reason}")


REMADE = "{} is not what the agent makes now: write it anew and read the difference"


def reference(tool, name):
    """What the agent makes of a fixture now, which must be what is kept beside it."""
    kept = FIXTURES / f"datadog_reference_{name}.json"
    made = printed(tool, FIXTURES / f"{name}.json")
    assert made == kept.read_text(), REMADE.format(kept.name)
    return json.loads(made)


# The names that we give to models, agents and tools are no difference of the mapping: they are an addition, tested elsewhere.
EXPORTER = 'datadog: {{api: {{key: {key}}}, hostname: {host}, traces: {{endpoint: "http://127.0.0.1:{port}", llm_span_names: false}}}}'


def sent(bench, intake, name, expected):
    """The payloads that the intake got, once they have that many spans."""

    def probe():
        payloads = read(bench, f"{name}-traces", intake.bodies(TRACES))
        count = sum(len(chunk["spans"]) for payload in payloads for chunk in payload["chunks"])
        return payloads if count >= expected else None

    return harness.until(20, f"{expected} spans of {name} at the intake", probe)


# --- spans -----------------------------------------------------------------------------------------------------------

ERROR_FIELDS = {"meta.error.msg", "meta.error.type", "meta.error.stack"}


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


# Why a difference is meant: (reason, does it explain this one?). The same table, with the same reasons, is held by
# src/exporters/datadog/map/tests.rs without the agent.
MEANT = [
    (
        "the high half of the trace id is written on the first span, as Datadog's tracers do",
        lambda one: one["field"] == "meta._dd.p.tid" and one["theirs"] is None,
    ),
    (
        "errors have the fields of Error Tracking, from the last exception event",
        lambda one: one["failed"] and one["field"] in ERROR_FIELDS and one["ours"] is not None,
    ),
    (
        "the agent takes numbers such as ids for those of credit cards",
        lambda one: one["theirs"] == "?" and one["ours"] == one["plain"],
    ),
    (
        "no argument of a Redis command leaves, not even its key",
        lambda one: one["field"] == "meta.redis.raw_command" and one["ours"] == "AUTH ?\nGET ?",
    ),
    (
        "links are valid JSON whatever is in them",
        lambda one: one["field"] == "meta._dd.span_links" and is_json(one["ours"]) and not is_json(one["theirs"]),
    ),
    (
        "a URL keeps its spelling",
        lambda one: one["field"] == "meta.http.url" and one["ours"] == one["plain"],
    ),
    (
        "the agent's sampler leaves its rate on the root; there is no sampler here",
        lambda one: one["field"] == "metrics._sampling_priority_rate_v1" and one["ours"] is None,
    ),
]

OF_PAYLOAD = ["hostname", "env", "app_version", "container_id", "language", "tracer_version", "tags"]
OF_CHUNK = ["priority", "origin", "dropped", "tags"]
OF_SPAN = ["name", "service", "resource", "type", "start", "duration", "error"]


def spans_by_id(payloads):
    """{(trace, span, how many with these ids came before): (payload, chunk, span)}"""
    found, before = {}, Counter()
    for payload in payloads:
        for chunk in payload["chunks"]:
            for span in chunk["spans"]:
                ids = (span["meta"]["otel.trace_id"], span["trace_id"], span["span_id"])
                found[(*ids, before[ids])] = (payload, chunk, span)
                before[ids] += 1
    return found


def compare(name, ours, theirs):
    """Which rows of MEANT explained how many differences; fails where none does."""
    for payload in ours:
        told = {key: payload.get(key) for key in ("agent_hostname", "agent_env")}
        harness.expect("the host and the environment of who sends", told, {"agent_hostname": HOST, "agent_env": "none"})
    mine, reference = spans_by_id(ours), spans_by_id(theirs)
    harness.expect(f"the spans of {name} that are sent", sorted(mine), sorted(reference))
    used, unexplained = Counter(), []
    for ids, (payload, chunk, span) in sorted(mine.items()):
        for one in differences(reference[ids], payload, chunk, span):
            row = next((row for row, (_, explains) in enumerate(MEANT) if explains(one)), None)
            if row is None:
                unexplained.append(f"{name}, span {ids[2]} {span['resource'][:60]!r}: {told(one)}")
            else:
                used[row] += 1
    assert not unexplained, f"{len(unexplained)} differences that nothing explains:\n" + "\n".join(unexplained[:40])
    return used


def told(one):
    return f"{one['field']}: ours {str(one['ours'])[:300]!r}, the agent's {str(one['theirs'])[:300]!r}"


def differences(theirs, payload, chunk, span):
    their_payload, their_chunk, their_span = theirs
    plain = their_span.get("plain", {})
    rows = [(f"payload.{key}", payload[key] or None, their_payload[key] or None, None) for key in OF_PAYLOAD]
    rows += [(f"chunk.{key}", chunk[key], their_chunk[key], None) for key in OF_CHUNK]
    rows += [("parent_id", span["parent_id"], their_span["parent_id"], None)]
    rows += [(key, timed(key, span[key]), their_span[key], plain.get(key)) for key in OF_SPAN]
    for group in ("meta", "metrics"):
        mine, reference = span[group] or {}, their_span[group] or {}
        rows += [(f"{group}.{key}", mine.get(key), reference.get(key), plain.get(key)) for key in sorted({**mine, **reference})]
    for field, ours, theirs, before in rows:
        if not same(field, ours, theirs):
            yield {"field": field, "ours": ours, "theirs": theirs, "plain": before, "failed": span["error"] == 1}


def timed(field, number):
    """A start that was taken from our clock a while ago is "now", as for the agent's."""
    return "now" if field == "start" and isinstance(number, int) and 0 <= time.time_ns() - number < RECENT else number


def same(field, ours, theirs):
    """JSON in a tag is compared by what it says."""
    if ours == theirs:
        return True
    of_json = field in ("meta.events", "meta._dd.span_links") and None not in (ours, theirs)
    return of_json and is_json(ours) and is_json(theirs) and json.loads(ours) == json.loads(theirs)


# --- statistics ------------------------------------------------------------------------------------------------------

NUMBERS = ["hits", "errors", "duration", "top_level_hits"]
SKETCHES = ["ok", "error"]
# The agent's sketch is right to 1 % and cuts 0.2 % off before; ours is right to 0.8 %.
ACCURACY = 0.02


def groups(payloads):
    """{what a group is told apart by: [its rows]}. When it was is left out: the fixture's time is not that of the run, so that both
    concentrators put its spans into other buckets."""
    found = {}
    for payload in payloads:
        who = {key: payload[key] or None for key in payload if key not in ("groups",)}
        for group in payload["groups"]:
            what = {key: group[key] or None for key in group if key not in [*NUMBERS, *SKETCHES, "start"]}
            found.setdefault(json.dumps([who, what], sort_keys=True), []).append(group)
    return found


def compare_stats(ours, theirs):
    mine, reference = groups(ours), groups(theirs)
    assert sorted(mine) == sorted(reference), (
        f"groups of statistics that only we have: {sorted(set(mine) - set(reference))[:5]}\n"
        f"that only the agent has: {sorted(set(reference) - set(mine))[:5]}"
    )
    compared = 0
    for what, rows in mine.items():
        for number in NUMBERS:
            harness.expect(f"{number} of {what}", sum_of(rows, number), sum_of(reference[what], number))
        for sketch in SKETCHES:
            counts = [sum(row[sketch]["count"] for row in of) for of in (rows, reference[what])]
            harness.expect(f"count of the sketch {sketch} of {what}", counts[0], counts[1])
            if len(rows) == len(reference[what]) == 1 and counts[0]:
                values = "p0_p50_p90_p99_p100"
                for got, wanted in zip(rows[0][sketch][values], reference[what][0][sketch][values], strict=True):
                    compared += 1
                    assert abs(got - wanted) <= ACCURACY * wanted, f"{sketch} of {what}: {got} for {wanted}"
    assert compared > 500, f"only {compared} quantiles compared"
    hits = sum(sum_of(rows, "hits") for rows in mine.values())
    print(f"{hits:5} spans counted in {len(mine)} groups as the agent counts them; {compared} quantiles within 2 %")


def sum_of(rows, number):
    return sum(row[number] for row in rows)
