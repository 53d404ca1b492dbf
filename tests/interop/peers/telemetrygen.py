"""The Collector's telemetrygen sends 4,000 spans over gRPC and HTTP at once: all arrive, and our metrics count each."""

import re
import urllib.request

from harness import expect, telemetrygen, until
from installed import TELEMETRYGEN
from spans import in_file

PACKAGES = []
NEEDS = [telemetrygen]
VERSION = TELEMETRYGEN.removeprefix("v")
WORKERS, TRACES = 4, 250
# A trace of it is a parent with one child.
SPANS = WORKERS * TRACES * 2


def check(bench):
    grpc, http, metrics = bench.ports(3)
    out = bench.folder / "out.jsonl"
    config = bench.folder / "collector.yaml"
    config.write_text(
        f"""
receivers:
  otlp:
    protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}, http: {{endpoint: "127.0.0.1:{http}"}}}}
processors: {{signals: , batch: }}
exporters: {{file: {{path: "{out}"}}}}
service:
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [signals, batch], exporters: [file]}}}}
"""
    )
    process = bench.start("collector", [bench.binary, "collector", "--config", config])
    for port in (grpc, http, metrics):
        bench.wait_for_port(port, process)
    sending = [start(bench, grpc, "grpc"), start(bench, http, "http", "--otlp-http")]
    for sender in sending:
        expect("telemetrygen's exit code", sender.wait(90), 0)
    got = until(20, f"{2 * SPANS} spans", lambda: (found := in_file(out)) and len(found) >= 2 * SPANS and found)
    expect("spans, each once", len(got), 2 * SPANS)
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as reply:
        text = reply.read().decode()
    for transport in ("grpc", "http"):
        found = re.search(rf'^otelcol_receiver_accepted_spans\{{[^}}]*transport="{transport}"[^}}]*\}} (\d+)$', text, re.M)
        expect(f"accepted over {transport}", int(found[1]) if found else None, SPANS)
    assert not re.search(r"^otelcol_receiver_refused_spans\{.*\} [1-9]", text, re.M), "refused some"


def start(bench, port, name, *more):
    command = [telemetrygen(), "traces", "--otlp-insecure", "--otlp-endpoint", f"127.0.0.1:{port}"]
    command += ["--workers", WORKERS, "--traces", TRACES, "--rate", "0", "--service", f"generator-{name}", *more]
    return bench.start(f"telemetrygen-{name}", command)
