"""A stand-in for Langtrace's server, which is no package that could be installed here.

usage: langtrace_server.py PORT KEY

It takes traces as the published source of the server does, its faults included: it asks for the key, reads a body as OTLP only where
the user agent names an exporter, looks at the first resource alone, keeps strings and integers alone, and answers 404 to whatever it
trips over: a span without times, an event without attributes, a value that is none. GET /rows tells what it would have stored.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = sys.argv[2]
rows, requests, lock = [], [], threading.Lock()


def milliseconds(nanos):
    return int(nanos) // 1_000_000  # fails where the time is missing, as BigInt does


def flat(attributes):
    found = {}
    for attribute in attributes:
        for kind in ("stringValue", "intValue"):
            if kind in attribute["value"]:
                found[attribute["key"]] = attribute["value"][kind]
                break
    return found


def row(span):
    events = [
        {"name": event["name"], "time": milliseconds(event["timeUnixNano"]), "attributes": flat(event["attributes"])}
        for event in span.get("events", [])
    ]
    code = span.get("status", {}).get("code")
    return {
        "name": span["name"],
        "trace_id": span["traceId"],
        "span_id": span["spanId"],
        "parent_id": span.get("parentSpanId"),
        "kind": int(span["kind"]),
        "start": milliseconds(span["startTimeUnixNano"]),
        "end": milliseconds(span["endTimeUnixNano"]),
        "status": {1: "OK", 2: "ERROR"}.get(code, "UNSET"),
        "attributes": flat(span.get("attributes", [])),
        "events": events,
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with lock:
            self.answer(200, {"rows": rows, "requests": requests})

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        key, agent = self.headers.get("x-api-key"), self.headers.get("user-agent", "").lower()
        try:
            assert self.path == "/api/trace", f"there is no {self.path}"
            body = json.loads(raw)
            if not key:
                return self.answer(400, {"error": "api key is required"})
            if key != KEY:
                return self.answer(401, {"error": "Unauthorized. Invalid API key"})
            assert "otel-otlp" in agent or "opentelemetry" in agent, "not read as OTLP"
            scopes = body["resourceSpans"][0]["scopeSpans"]
            found = [row(span) for scope in scopes for span in scope["spans"]]
        except Exception as error:
            return self.answer(404, {"name": type(error).__name__, "message": str(error)})
        with lock:
            rows.extend(found)
            requests.append({"resources": len(body["resourceSpans"]), "scopes": len(scopes), "spans": len(found)})
        return self.answer(200, {"message": "Traces added successfully"})

    def answer(self, status, tree):
        body = json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
