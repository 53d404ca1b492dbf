"""The OpenTelemetry Collector in front of ours, over gRPC and HTTP, each of its compressions: 300 varied spans arrive unchanged."""

from harness import collector_peer
from installed import COLLECTOR
from spans import check_arrived, post_varied

PACKAGES = []
NEEDS = [collector_peer]
VERSION = COLLECTOR
# Exporter of the Collector, and how it packs.
WAYS = [
    ("otlp_grpc", "gzip"),
    ("otlp_grpc", "zstd"),
    ("otlp_grpc", "none"),
    ("otlp_http", "gzip"),
    ("otlp_http", "zstd"),
    ("otlp_http", "deflate"),
    ("otlp_http", "none"),
]


def check(bench):
    entry, *ports = bench.ports(1 + len(WAYS))
    ours(bench, ports)
    exporters, names = [], []
    for (kind, packing), port in zip(WAYS, ports):
        names.append(f"{kind}/{packing}")
        endpoint = f"http://127.0.0.1:{port}" if kind == "otlp_http" else f"127.0.0.1:{port}"
        exporters.append(f'  {names[-1]}: {{endpoint: "{endpoint}", compression: {packing}, tls: {{insecure: true}}}}')
    config = bench.folder / "front.yaml"
    config.write_text(
        f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{entry}"}}}}}}}}
processors: {{batch: {{timeout: 200ms}}}}
exporters:
{chr(10).join(exporters)}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [batch], exporters: [{", ".join(names)}]}}}}
"""
    )
    process = bench.start("front", [collector_peer(), "--config", config])
    bench.wait_for_port(entry, process)
    post_varied(entry)
    for kind, packing in WAYS:
        check_arrived(f"{kind}, {packing}", bench.folder / f"{kind}-{packing}.jsonl")


def ours(bench, ports):
    """Our collector with a receiver, a pipeline and a file for each way."""
    receivers, exporters, pipelines = [], [], []
    for (kind, packing), port in zip(WAYS, ports):
        name = f"{kind}-{packing}"
        protocol = kind.removeprefix("otlp_")
        receivers.append(f'  otlp/{name}: {{protocols: {{{protocol}: {{endpoint: "127.0.0.1:{port}"}}}}}}')
        exporters.append(f'  file/{name}: {{path: "{bench.folder / name}.jsonl"}}')
        pipelines.append(f"    traces/{name}: {{receivers: [otlp/{name}], exporters: [file/{name}]}}")
    text = ["receivers:", *receivers, "exporters:", *exporters]
    text += ["service:", "  telemetry: {metrics: {level: none}}", "  pipelines:", *pipelines]
    config = bench.folder / "ours.yaml"
    config.write_text("\n".join(text))
    process = bench.start("collector", [bench.binary, "collector", "--config", config])
    for port in ports:
        bench.wait_for_port(port, process)
