"""W3C Trace Context, level 2, through `planoai up`: what comes in on raw sockets, and what then reaches the provider.

The W3C publishes a test suite (github.com/w3c/trace-context, folder test), which no package registry has, and nothing else is
fetched here. This table is not that suite: it has cases of our own for each of its rules, and a few more; the rules carry
the suite's names without `test_`. OpenTelemetry's propagator must be able to read all that goes on. Where
$W3C_TRACE_CONTEXT_SUITE names a checkout's folder test, the suite itself runs too, at its strictest.
"""

import json
import os
import re
import secrets
import socket
import subprocess

from gateway import Gateway
from harness import HERE, expect

PACKAGES = ["opentelemetry-api==1.45.2", "aiohttp==3.14.5"]
VERSION_OF = "opentelemetry-api"

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"traceparent: 00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-00"
TRACEPARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-0([0-3])")
# Exit code of `planoai trace` where nothing matches.
NOTHING = 3
KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")


def parent(version="00", trace=TRACE, span=PARENT, flags="01", rest=""):
    return f"traceparent: {version}-{trace}-{span}-{flags}{rest}"


def members(count):
    """That many members on lines of at most ten."""
    all_of_them = [f"m{number:02}={number}" for number in range(count)]
    return ["tracestate: " + ",".join(all_of_them[start : start + 10]) for start in range(0, count, 10)]


# Rule, header lines: a trace of its own begins, and no tracestate goes on.
NEW = [
    ("both_traceparent_and_tracestate_missing", []),
    ("traceparent_duplicated", [VALID, parent(trace=TRACE[::-1])]),
    ("traceparent_duplicated", [VALID, VALID]),
    ("traceparent_header_name", [VALID.replace("traceparent", "trace-parent")]),
    ("traceparent_header_name", [VALID.replace("traceparent", "trace.parent")]),
    ("traceparent_version_0x00", [parent(rest=".")]),
    ("traceparent_version_0x00", [parent(rest="-of-the-future")]),
    ("traceparent_version_0xcc", [parent("cc", rest=".of-the-future")]),
    ("traceparent_version_0xff", [parent("ff")]),
    ("traceparent_version_illegal_characters", [parent(".0")]),
    ("traceparent_version_illegal_characters", [parent("0.")]),
    ("traceparent_version_illegal_characters", [parent("CC")]),
    ("traceparent_version_too_long", [parent("000")]),
    ("traceparent_version_too_long", [parent("0000")]),
    ("traceparent_version_too_short", [parent("0")]),
    ("traceparent_trace_id_all_zero", [parent(trace="0" * 32)]),
    ("traceparent_trace_id_illegal_characters", [parent(trace="." + TRACE[1:])]),
    ("traceparent_trace_id_illegal_characters", [parent(trace=TRACE[:-1] + ".")]),
    ("traceparent_trace_id_illegal_characters", [parent(trace=TRACE.upper())]),
    ("traceparent_trace_id_too_long", [parent(trace=TRACE + "1")]),
    ("traceparent_trace_id_too_short", [parent(trace=TRACE[:-1])]),
    ("traceparent_parent_id_all_zero", [parent(span="0" * 16)]),
    ("traceparent_parent_id_illegal_characters", [parent(span="." + PARENT[1:])]),
    ("traceparent_parent_id_illegal_characters", [parent(span=PARENT[:-1] + ".")]),
    ("traceparent_parent_id_illegal_characters", [parent(span=PARENT.upper())]),
    ("traceparent_parent_id_too_long", [parent(span=PARENT + "1")]),
    ("traceparent_parent_id_too_short", [parent(span=PARENT[:-1])]),
    ("traceparent_trace_flags_illegal_characters", [parent(flags=".0")]),
    ("traceparent_trace_flags_illegal_characters", [parent(flags="0.")]),
    ("traceparent_trace_flags_illegal_characters", [parent(flags="0A")]),
    ("traceparent_trace_flags_too_long", [parent(flags="001")]),
    ("traceparent_trace_flags_too_short", [parent(flags="1")]),
    ("an empty traceparent", ["traceparent:"]),
    ("tracestate_included_traceparent_missing", ["tracestate: foo=1"]),
    ("tracestate_included_traceparent_missing", ["tracestate: foo=1,bar=2"]),
    ("tracestate beside a malformed traceparent", [parent("ff"), "tracestate: foo=1"]),
]

# Rule, the line of traceparent, flags that go on: the caller's trace is continued.
SAME = [
    ("traceparent_included_tracestate_missing", VALID, 1),
    ("traceparent_header_name_valid_casing", VALID.replace("traceparent", "TraceParent"), 1),
    ("traceparent_header_name_valid_casing", VALID.replace("traceparent", "TrAcEpArEnT"), 1),
    ("traceparent_header_name_valid_casing", VALID.replace("traceparent", "TRACEPARENT"), 1),
    ("traceparent_version_0xcc", parent("cc"), 1),
    ("traceparent_version_0xcc", parent("cc", rest="-of-the-future"), 1),
    ("traceparent_ows_handling", VALID.replace(": ", ":  "), 1),
    ("traceparent_ows_handling", VALID.replace(": ", ":\t"), 1),
    ("traceparent_ows_handling", VALID + " ", 1),
    ("traceparent_ows_handling", VALID + "\t", 1),
    ("traceparent_ows_handling", VALID.replace(": ", ":\t ") + " \t", 1),
    ("propagates_random_flag", parent(flags="02"), 2),
    ("propagates_random_flag", parent(flags="03"), 3),
    ("no random flag where none came", UNSAMPLED, 0),
    ("flags that nobody knows are cleared", parent(flags="ff"), 3),
    ("flags that nobody knows are cleared", parent(flags="fc"), 0),
]

# Rule, lines of tracestate beside a valid traceparent, what goes on: one of these, "" is none.
STATE = [
    ("tracestate_included_traceparent_included", ["tracestate: foo=1,bar=2"], {"foo=1,bar=2"}),
    ("tracestate_header_name", ["trace-state: foo=1"], {""}),
    ("tracestate_header_name", ["trace.state: foo=1"], {""}),
    ("tracestate_header_name_valid_casing", ["TraceState: foo=1"], {"foo=1"}),
    ("tracestate_header_name_valid_casing", ["TrAcEsTaTe: foo=1"], {"foo=1"}),
    ("tracestate_header_name_valid_casing", ["TRACESTATE: foo=1"], {"foo=1"}),
    ("tracestate_empty_header", ["tracestate:"], {""}),
    ("tracestate_empty_header", ["tracestate: foo=1", "tracestate:"], {"foo=1"}),
    ("tracestate_empty_header", ["tracestate:", "tracestate: foo=1"], {"foo=1"}),
    (
        "tracestate_multiple_headers_different_keys",
        ["tracestate: foo=1,bar=2", "tracestate: rojo=1,congo=2", "tracestate: baz=3"],
        {"foo=1,bar=2,rojo=1,congo=2,baz=3"},
    ),
    # The sender answers for keys that come once; who passes them on may leave them or keep one of them.
    ("tracestate_duplicated_keys", ["tracestate: foo=1,foo=1"], {"foo=1,foo=1", "foo=1"}),
    ("tracestate_duplicated_keys", ["tracestate: foo=1,foo=2"], {"foo=1,foo=2", "foo=1", "foo=2"}),
    ("tracestate_duplicated_keys", ["tracestate: foo=1", "tracestate: foo=1"], {"foo=1,foo=1", "foo=1"}),
    ("tracestate_duplicated_keys", ["tracestate: foo=1", "tracestate: foo=2"], {"foo=1,foo=2", "foo=1", "foo=2"}),
    ("tracestate_all_allowed_characters", [f"tracestate: {KEY}={VALUE}"], {f"{KEY}={VALUE}"}),
    ("tracestate_all_allowed_characters", [f"tracestate: {KEY}@{KEY}={VALUE}"], {f"{KEY}@{KEY}={VALUE}"}),
    ("tracestate_ows_handling", ["tracestate: foo=1 \t , \t bar=2, \t baz=3"], {"foo=1,bar=2,baz=3"}),
    ("tracestate_ows_handling", ["tracestate: foo=1\t \t,\t \tbar=2,\t \tbaz=3"], {"foo=1,bar=2,baz=3"}),
    ("tracestate_ows_handling", ["tracestate:  foo=1"], {"foo=1"}),
    ("tracestate_ows_handling", ["tracestate:\tfoo=1"], {"foo=1"}),
    ("tracestate_ows_handling", ["tracestate: foo=1 "], {"foo=1"}),
    ("tracestate_ows_handling", ["tracestate: foo=1\t"], {"foo=1"}),
    ("tracestate_ows_handling", ["tracestate:\t foo=1 \t"], {"foo=1"}),
    ("tracestate_key_illegal_characters", ["tracestate: foo =1,bar=2"], {""}),
    ("tracestate_key_illegal_characters", ["tracestate: FOO=1,bar=2"], {""}),
    ("tracestate_key_illegal_characters", ["tracestate: foo.bar=1,bar=2"], {""}),
    ("tracestate_key_illegal_vendor_format", ["tracestate: @foo=1,bar=2"], {""}),
    ("tracestate_key_illegal_vendor_format", ["tracestate: foo@=1,bar=2"], {"foo@=1,bar=2"}),
    ("tracestate_key_illegal_vendor_format", ["tracestate: foo@@bar=1,bar=2"], {"foo@@bar=1,bar=2"}),
    ("tracestate_key_illegal_vendor_format", ["tracestate: foo@bar@baz=1,bar=2"], {"foo@bar@baz=1,bar=2"}),
    ("tracestate_member_count_limit", members(32), {",".join(f"m{number:02}={number}" for number in range(32))}),
    ("tracestate_member_count_limit", members(33), {""}),
    ("tracestate_key_length_limit", ["tracestate: foo=1", f"tracestate: {'z' * 256}=1"], {f"foo=1,{'z' * 256}=1"}),
    ("tracestate_key_length_limit", ["tracestate: foo=1", f"tracestate: {'z' * 257}=1"], {""}),
    ("tracestate_key_length_limit", [f"tracestate: {'t' * 241}@{'v' * 14}=1"], {f"{'t' * 241}@{'v' * 14}=1"}),
    ("tracestate_key_length_limit", [f"tracestate: {'t' * 242}@v=1"], {f"{'t' * 242}@v=1"}),
    ("tracestate_key_length_limit", [f"tracestate: t@{'v' * 15}=1"], {f"t@{'v' * 15}=1"}),
    ("tracestate_value_illegal_characters", ["tracestate: foo=bar=baz"], {""}),
    ("tracestate_value_illegal_characters", ["tracestate: foo=,bar=3"], {""}),
    ("a value's length", [f"tracestate: foo={'v' * 256}"], {f"foo={'v' * 256}"}),
    ("a value's length", [f"tracestate: foo={'v' * 257}"], {""}),
]


def check(bench):
    gateway = Gateway(bench)
    seen = []
    faults = []
    for port, sampled in [(gateway.port, True), (gateway.silent, False)]:
        for rule, lines, judge in cases(sampled):
            try:
                seen.append(judge(one(post(gateway, port, lines))))
            except AssertionError as error:
                faults.append(f"random_sampling {100 if sampled else 0}, {rule}, {lines}: {error}")
    assert not faults, "\n".join(faults)
    check_more(gateway)
    check_readable(bench, seen)
    check_recorded(gateway)
    if suite := os.environ.get("W3C_TRACE_CONTEXT_SUITE"):
        check_suite(gateway, suite)
    else:
        print("not checked here: the suite itself; W3C_TRACE_CONTEXT_SUITE names no folder")


def cases(sampled):
    """The rule, the header lines, and what judges the headers that then reached the provider."""
    for rule, lines in NEW:
        yield rule, lines, lambda headers: new(headers, "3" if sampled else "2")
    for rule, line, flags in SAME:
        yield rule, [line], lambda headers, flags=flags: same(headers, flags, {""})
    for rule, lines, wanted in STATE:
        yield rule, [UNSAMPLED, *lines], lambda headers, wanted=wanted: same(headers, 0, wanted)


def post(gateway, port, lines, path="/v1/chat/completions", model="gpt-4o"):
    """Sends the header lines as they are; gives the headers of the requests that reached the provider."""
    body = json.dumps({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]})
    head = [f"POST {path} HTTP/1.1", "host: gateway", "connection: close", f"content-length: {len(body)}", *lines]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(("\r\n".join(head) + "\r\n\r\n" + body).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    status = int(answer.split(b" ", 2)[1])
    expect("the answer's status", status, 503 if model.endswith("broken") else 200)
    return [request["headers"] for request in gateway.asked()]


def one(requests):
    expect("requests to the provider", len(requests), 1)
    return requests[0]


def context(headers):
    """Trace id, parent id, flags, tracestate."""
    traceparents = [value for name, value in headers if name == "traceparent"]
    states = [value for name, value in headers if name == "tracestate"]
    expect("lines of traceparent that go on", len(traceparents), 1)
    assert len(states) <= 1, f"lines of tracestate that go on: {states}"
    assert states != [""], "an empty tracestate goes on"
    match = TRACEPARENT.fullmatch(traceparents[0])
    assert match, f"no traceparent: {traceparents[0]!r}"
    trace_id, parent_id, flags = match.groups()
    assert int(trace_id, 16) and int(parent_id, 16), f"an id of zeros: {traceparents[0]}"
    return trace_id, parent_id, flags, "".join(states)


def new(headers, flags):
    trace_id, parent_id, got, state = context(headers)
    assert trace_id != TRACE and parent_id != PARENT, f"no new trace: {trace_id}-{parent_id}"
    expect("flags", got, flags)
    expect("tracestate", state, "")
    return trace_id, parent_id, int(got), state


def same(headers, flags, states):
    trace_id, parent_id, got, state = context(headers)
    expect("trace id", trace_id, TRACE)
    assert parent_id != PARENT, "the caller's span is the parent of two hops"
    expect("flags", int(got), flags)
    assert state in states, f"tracestate: expected {' or '.join(sorted(map(repr, states)))}, got {state!r}"
    return trace_id, parent_id, int(got), state


def check_more(gateway):
    """The suite's rules about several requests, and that no API, no translation and no retry does it differently."""
    for rule, lines in [
        ("multiple_requests_with_valid_traceparent", [VALID]),
        ("multiple_requests_without_traceparent", []),
        ("multiple_requests_with_illegal_traceparent", [parent(trace="0" * 32)]),
    ]:
        contexts = [context(one(post(gateway, gateway.port, lines))) for _ in range(3)]
        expect(f"{rule}: parent ids", len({parent_id for _trace_id, parent_id, *_ in contexts}), 3)
        expect(f"{rule}: trace ids", len({trace_id for trace_id, *_ in contexts}), 1 if lines == [VALID] else 3)
    lines = [VALID, "tracestate: foo=1"]
    for path in ("/v1/chat/completions", "/v1/messages"):
        for model in ("gpt-4o", "claude-sonnet-4-0"):
            same(one(post(gateway, gateway.port, lines, path, model)), 1, {"foo=1"})
    tries = [same(headers, 1, {"foo=1"}) for headers in post(gateway, gateway.port, lines, model="openai/broken")]
    expect("attempts, each with a parent id of its own", len({parent_id for _trace_id, parent_id, *_ in tries}), 2)


def check_readable(bench, seen):
    """OpenTelemetry reads the same out of every header as we do."""
    headers = []
    for trace_id, parent_id, flags, state in seen:
        one_of_them = {"traceparent": f"00-{trace_id}-{parent_id}-0{flags}"}
        headers.append(one_of_them | ({"tracestate": state} if state else {}))
    path = bench.folder / "headers.json"
    path.write_text(json.dumps(headers))
    read = bench.run_app("trace_context_reader.py", [path])
    expect("what OpenTelemetry reads", read, [list(context[:3]) for context in seen])


def check_recorded(gateway):
    """What is not sampled, or comes where nothing is recorded, leaves no span; what is sampled leaves four."""
    ids = {name: secrets.token_hex(16) for name in ("unsampled", "silent", "sampled")}
    for name, port, flags in [("unsampled", "port", "00"), ("silent", "silent", "01"), ("sampled", "port", "01")]:
        headers = one(post(gateway, getattr(gateway, port), [parent(trace=ids[name], flags=flags)]))
        expect(f"trace id of what is {name}", context(headers)[0], ids[name])
    gateway.bench.trace(gateway.viewer, ids["sampled"], 4)
    for name in ("unsampled", "silent"):
        shown = gateway.bench.planoai(["trace", ids[name]], gateway.viewer)
        expect(f"exit code of `planoai trace` for what is {name}", shown.returncode, NOTHING)


def check_suite(gateway, folder):
    """The published suite, against a service whose calls go through the gateway."""
    bench = gateway.bench
    service, harness = bench.ports(2)
    app = HERE / "apps" / "trace_context_service.py"
    process = bench.start("suite-service", [bench.python, app, service, gateway.suite, gateway.port])
    bench.wait_for_port(service, process)
    done = subprocess.run(
        [str(bench.python), "test.py", f"http://127.0.0.1:{service}/test"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=80,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "HARNESS_PORT": str(harness), "STRICT_LEVEL": "2", "SPEC_LEVEL": "2"},
    )
    ran = re.search(r"^Ran (\d+) tests?", done.stderr, re.MULTILINE)
    assert done.returncode == 0 and ran and int(ran[1]) > 30, f"the suite says:\n{done.stdout}{done.stderr}"
    print(f"the suite: {ran[0]}, OK")
