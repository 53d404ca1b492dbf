"""Datadog's intake on loopback, as far as an exporter can tell: it takes every body, answers 202, and keeps what came."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Intake:
    """`with Intake() as intake`: listens on a free port; `bodies(path)` are the requests to a path, `faults` what was wrong with one."""

    def __init__(self, key):
        self.key = key
        self.requests = []
        self.faults = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.take(self.path, self.headers, body)
                self.send_response(202)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path, headers, body):
        wanted = {"dd-api-key": self.key, "content-encoding": "gzip", "content-type": CONTENT_TYPES.get(path)}
        with self._lock:
            for name, text in wanted.items():
                if headers.get(name) != text:
                    self.faults.append(f"{path}: {name} is {headers.get(name)!r}, not {text!r}")
            self.requests.append((path, body))

    def bodies(self, path):
        with self._lock:
            return [body for to, body in self.requests if to == path]


TRACES, STATS = "/api/v0.2/traces", "/api/v0.2/stats"
CONTENT_TYPES = {TRACES: "application/x-protobuf", STATS: "application/msgpack"}
