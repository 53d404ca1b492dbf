"""X-Ray segments as they are compared: a server that takes them as X-Ray's API does, and documents without what differs by chance.

The Collector draws ids of exceptions, and those between the two segments of one span, at random; here they are numbered in the order
in which they come. A number is a number: 1.0 is 1.
"""

import json
import threading
import unicodedata
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "backends"

# What both are configured with, by the name that the files of reference bear.
SETTINGS = {
    "": "",
    "listed": 'indexed_attributes: [app.tier, http.method, db.name, otel.resource.team, "a int", list], aws_log_groups: [mine]',
    "all": "index_all_attributes: true",
}


class Api(ThreadingHTTPServer):
    """Takes PutTraceSegments on a free loopback port and keeps what came."""

    daemon_threads = True

    def __init__(self):
        self.requests = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def documents(self):
        # A client that was in doubt sends a request a second time.
        requests = dict.fromkeys(body for _path, _headers, body in list(self.requests))
        bodies = [json.loads(body)["TraceSegmentDocuments"] for body in requests]
        return [json.loads(document) for documents in bodies for document in documents]

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        answer = b'{"UnprocessedTraceSegments":[]}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def post(port, body):
    """Sends one OTLP/JSON request."""
    head = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", body, head)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200, answer.status


def spans(name):
    request = json.loads((FIXTURES / f"{name}.json").read_text())
    return [span for r in request["resourceSpans"] for scope in r["scopeSpans"] for span in scope["spans"]]


def plain(document, spans_of_source):
    """The document with ids of chance numbered, and without annotations or metadata that are empty."""
    known = {}

    def number(id_):
        return known.setdefault(id_, f"#{len(known) + 1}")

    for exception in document.get("cause", {}).get("exceptions", []):
        exception["id"] = number(exception["id"])
        if "cause" in exception:
            exception["cause"] = number(exception["cause"])
    for key in ("id", "parent_id"):
        # Both make one id up where a span is two segments.
        if document.get(key) and document[key] not in spans_of_source:
            document[key] = "between"
    return document


def ids(name):
    return {id_ for span in spans(name) for id_ in (span["spanId"], span.get("parentSpanId")) if id_}


def text(documents, name):
    """One line a document, keys sorted: the form of the files of reference."""
    known = ids(name)
    lines = [json.dumps(plain(one, known), sort_keys=True, ensure_ascii=False) for one in documents]
    return "".join(f"{line}\n" for line in lines)


def reference(name, setting):
    return FIXTURES / f"xray_reference_{name}{'_' + setting if setting else ''}.jsonl"


ABSENT = "(absent)"


def at(document, path):
    """The member under a path; ABSENT without one."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step, ABSENT)
        elif isinstance(document, list) and step < len(document):
            document = document[step]
        else:
            return ABSENT
    return document


def differences(theirs, ours, path=()):
    """Paths of all members that are not equal, the deepest ones. Annotations and metadata that are left out are empty."""
    if path[:1] in (("annotations",), ("metadata",)):
        theirs, ours = ({} if one == ABSENT and isinstance(other, dict) else one for one, other in ((theirs, ours), (ours, theirs)))
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            yield from differences(theirs.get(key, ABSENT), ours.get(key, ABSENT), (*path, key))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours)):
            yield from differences(one, other, (*path, index))
    elif theirs != ours or isinstance(theirs, bool) != isinstance(ours, bool):
        yield path


def explained(path, theirs, ours):
    """Why a difference is one of those that we want; None where it is not. docs/backends/xray.md has them all."""
    their, our = at(theirs, path), at(ours, path)
    if path == ("name",):
        if their is None:
            return "a segment without a name is refused"
        if their.endswith(" ") and their[:-1] == our:
            return "no blank where the flag was"
        if their.endswith("\ufffd") and our and their.startswith(our):
            return "cut between characters"
        if our == "span" and not any(taken(one) for one in their):
            return "names hold what X-Ray takes"
        if not set(our) - set(their) - {"-"} and all(taken(one) for one in our):
            return "names hold what X-Ray takes"
    if str(path[-1]).startswith("signals.") and (path[0], their) == ("annotations", ABSENT):
        return "signals are annotations by themselves"
    if str(path[-1]).startswith("signals.") and (path[0], our) == ("metadata", ABSENT):
        return "signals are annotations by themselves"
    return None


def taken(character):
    """Whether X-Ray takes it in a name, as the Collector sees it."""
    return character in " 0123456789N_.:/%&#=+-@" or unicodedata.category(character).startswith("L")
