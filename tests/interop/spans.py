"""Spans in OTLP/JSON, to be compared: the 300 varied ones of the fixtures as they were sent, and as they came out of a pipeline."""

import json
import urllib.request

from harness import HERE, expect, until

VARIED = HERE.parent / "fixtures" / "backends" / "varied.json"


def number(value):
    """A double, which one writes as 1 and another as 1.0; what JSON lacks is a word."""
    return float(value)


def plain(value):
    """A value in one form, whoever wrote it."""
    for kind, raw in value.items():
        if kind == "arrayValue":
            return kind, [plain(one) for one in raw.get("values", [])]
        if kind == "kvlistValue":
            return kind, [(one["key"], plain(one.get("value", {}))) for one in raw.get("values", [])]
        if kind == "doubleValue":
            return kind, repr(number(raw))
        return kind, str(raw)
    return "", ""


def attributes(holder):
    return [(one.get("key", ""), plain(one.get("value", {}))) for one in holder.get("attributes", [])]


def link(one):
    return one["traceId"].lower(), one["spanId"].lower(), one.get("traceState", ""), attributes(one)


def event(one):
    return one.get("name", ""), str(one.get("timeUnixNano", 0)), attributes(one)


def spans(request):
    """[everything that must survive of a span] of a request, in the order of their ids."""
    found = []
    for resource in request.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                status = span.get("status", {})
                found.append(
                    {
                        # Both sides of a call may have the same id.
                        "ids": (span["traceId"].lower(), span["spanId"].lower(), span.get("kind", 0)),
                        "resource": attributes(resource.get("resource", {})),
                        "scope": (scope.get("scope", {}).get("name", ""), scope.get("scope", {}).get("version", "")),
                        "name": span.get("name", ""),
                        "parent": span.get("parentSpanId", "").lower(),
                        "state": span.get("traceState", ""),
                        "times": (str(span.get("startTimeUnixNano", 0)), str(span.get("endTimeUnixNano", 0))),
                        "attributes": attributes(span),
                        "events": [event(one) for one in span.get("events", [])],
                        "links": [link(one) for one in span.get("links", [])],
                        "status": (status.get("code", 0), status.get("message", "")),
                    }
                )
    return sorted(found, key=lambda span: span["ids"])


def varied():
    return spans(json.loads(VARIED.read_text()))


def post_varied(port):
    """Sends them to an OTLP/HTTP port."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", VARIED.read_bytes(), headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        told = json.load(reply)
    assert not told.get("partialSuccess"), told


def in_file(path):
    """The spans in a file of lines of OTLP/JSON, as the Collector's file exporter and ours write it."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found += spans(json.loads(line))
        except json.JSONDecodeError:
            return []  # half a line: it is being written
    return sorted(found, key=lambda span: span["ids"])


def check_arrived(what, path):
    """All 300 are in that file, each once, nothing of them changed."""
    sent = varied()
    got = until(20, f"{what}: {len(sent)} spans", lambda: (found := in_file(path)) and len(found) >= len(sent) and found)
    expect(f"{what}: ids", [span["ids"] for span in got], [span["ids"] for span in sent])
    for wanted, span in zip(sent, got):
        for field in wanted:
            expect(f"{what}: {field} of {wanted['name']!r} {wanted['ids']}", span[field], wanted[field])
