"""What the peers of the datadog exporter share: the exporter in a collector of ours, Datadog's intake on loopback, and Datadog's own types to
read what it got."""

import json
import subprocess
import threading
import urllib.request
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import harness

FIXTURES = harness.HERE.parent / "fixtures" / "backends"
KEY = "0123456789abcdef0123456789abcdef"
HOST = "reference-host"
TRACES, STATS = "/api/v0.2/traces", "/api/v0.2/stats"
CONTENT_TYPES = {TRACES: "application/x-protobuf", STATS: "application/msgpack"}


class Intake:
    """Takes every body, answers 202, and keeps what came: `bodies(path)`. `faults` are what was wrong with the headers."""

    def __init__(self):
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
        wanted = {"dd-api-key": KEY, "content-encoding": "gzip", "content-type": CONTENT_TYPES.get(path)}
        with self._lock:
            for name, text in wanted.items():
                if headers.get(name) != text:
                    self.faults.append(f"{path}: {name} is {headers.get(name)!r}, not {text!r}")
            self.requests.append((path, body))

    def bodies(self, path):
        with self._lock:
            return [body for to, body in self.requests if to == path]


def collector(bench, name, exporter):
    """planoai collector with that exporter (`type: {settings}`); gives its process and its port for OTLP over HTTP."""
    http, health = bench.ports(2)
    config = bench.folder / f"{name}.yaml"
    config.write_text(
        f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
exporters: {{{exporter}}}
extensions: {{health_check: {{endpoint: "127.0.0.1:{health}"}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [{exporter.split(":")[0]}]}}}}
"""
    )
    process = bench.start(f"collector-{name}", [bench.binary, "collector", "--config", config])
    bench.wait_for_port(health, process)
    harness.until(15, "the collector's health check", lambda: harness.healthy(health))
    return process, http


def send(port, path):
    """Sends an OTLP/JSON request of a file; the collector must take all of it."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", path.read_bytes(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as reply:
        answer = json.load(reply)
    assert not answer.get("partialSuccess"), f"the collector refused some of {path.name}: {answer}"


def end(process):
    """Stops a collector, which sends what it still has."""
    harness.stop(process)
    assert process.returncode == 0, f"planoai collector ended with {process.returncode}"


# Datadog's own mapping and types.
program = partial(harness.go_program, "datadog_mapping")


def printed(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stderr}"
    return done.stdout


def read(bench, name, bodies, *options):
    """Bodies of requests to the intake, as Datadog's own types read them."""
    if not bodies:
        return []
    paths = []
    for number, body in enumerate(bodies):
        paths.append(bench.folder / f"{name}-{number}")
        paths[-1].write_bytes(body)
    return json.loads(printed(program(), "-sent", *options, *paths))
