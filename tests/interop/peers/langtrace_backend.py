"""A stand-in that reads as Langtrace's server takes an agent's trace and 300 varied spans from pipelines/langtrace.yaml."""

import json
import urllib.request

from harness import FLAG, HERE, expect, until

PACKAGES = []
VERSION = "stand-in"
KEY = "key-of-the-project"
PIPELINE = HERE.parent.parent / "pipelines" / "langtrace.yaml"
FIXTURES = HERE.parent / "fixtures" / "backends"


def check(bench):
    port, grpc, http, health, metrics = bench.ports(5)
    stand_in = bench.start("langtrace", [bench.python, HERE / "apps" / "langtrace_server.py", port, KEY])
    bench.wait_for_port(port, stand_in)
    process = bench.start(
        "collector",
        [bench.binary, "collector", "--config", PIPELINE]
        + ["--set", f"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{grpc}"]
        + ["--set", f"receivers.otlp.protocols.http.endpoint=127.0.0.1:{http}"]
        + ["--set", f"extensions.health_check.endpoint=127.0.0.1:{health}"]
        + ["--set", f"service.telemetry.metrics.address=127.0.0.1:{metrics}"],
        env={"LANGTRACE_API_KEY": KEY, "LANGTRACE_HOST": f"http://127.0.0.1:{port}"},
    )
    bench.wait_for_port(http, process)
    sent = []
    for name in ("agent.json", "varied.json"):
        body = (FIXTURES / name).read_bytes()
        sent += spans(json.loads(body))
        post(f"http://127.0.0.1:{http}/v1/traces", body)
    told = until(20, f"{len(sent)} rows", lambda: at_least(stored(port), len(sent)))
    rows = told["rows"]
    expect("spans", sorted(map(of_row, rows)), sorted(ids for ids, _span in sent))
    expect("resources a request", {request["resources"] for request in told["requests"]}, {1})
    expect("scopes a request", {request["scopes"] for request in told["requests"]}, {1})
    by_ids = dict(sent)
    for row in rows:
        check_row(row, by_ids[of_row(row)])
    agent = {ids for (ids, *_more), _span in spans(json.loads((FIXTURES / "agent.json").read_bytes()))}
    check_calls([row for row in rows if row["trace_id"] in agent])


def check_row(row, span):
    what = f"{row['name']!r} {row['span_id']}"
    expect(f"{what}: parent", row["parent_id"], span.get("parentSpanId") or None)
    expect(f"{what}: kind", row["kind"], span.get("kind", 0))
    expect(f"{what}: start", row["start"], int(span.get("startTimeUnixNano", 0)) // 1_000_000)
    assert row["end"] >= row["start"], f"{what}: negative duration"
    for attribute in span.get("attributes", []):
        kind, value = next(iter(attribute["value"].items()), ("", None))
        if kind == "stringValue" and attribute["key"] in row["attributes"]:
            assert value in [row["attributes"][attribute["key"]], *duplicates(span, attribute["key"])], f"{what}: {attribute}"


def duplicates(span, key):
    return [one["value"].get("stringValue") for one in span["attributes"] if one["key"] == key][1:]


def check_calls(rows):
    """The model's calls of the agent's trace: what Langtrace's pages read of them."""
    calls = [row for row in rows if row["attributes"].get("service.name") == "plano(llm)"]
    assert len(calls) >= 3, [row["name"] for row in calls]
    for row in calls:
        found = row["attributes"]
        expect("type", found["langtrace.service.type"], "llm")
        expect("vendor", found["langtrace.service.name"], "openai")
        assert found["gen_ai.request.model"] and found["gen_ai.system"], found
        total = found["gen_ai.usage.input_tokens"] + found["gen_ai.usage.output_tokens"]
        expect("tokens", found["gen_ai.usage.total_tokens"], total)
    talks = [row for row in calls if row["attributes"].get("signals.quality")]
    assert talks, "no call of the agent's trace has signals"
    for row in talks:
        events = {event["name"]: event["attributes"] for event in row["events"]}
        asked = json.loads(events["gen_ai.content.prompt"]["gen_ai.prompt"])
        answered = json.loads(events["gen_ai.content.completion"]["gen_ai.completion"])
        assert asked[0]["role"] in ("system", "user") and asked[0]["content"], asked
        expect("who answered", answered[0]["role"], "assistant")


def identity(trace_id, span_id, kind, name):
    """Both sides of a call may have the same id, and one of the varied spans is sent again under another name."""
    return trace_id.lower(), span_id.lower(), kind, name.removesuffix(f" {FLAG}")


def of_row(row):
    return identity(row["trace_id"], row["span_id"], row["kind"], row["name"])


def spans(request):
    """[(identity, span)] of a request."""
    found = []
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                found.append((identity(span["traceId"], span["spanId"], span.get("kind", 0), span.get("name", "")), span))
    return found


def post(url, body):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        told = json.load(reply)
    assert not told.get("partialSuccess"), told


def stored(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/rows", timeout=10) as reply:
        return json.load(reply)


def at_least(told, count):
    return told if len(told["rows"]) >= count else None
