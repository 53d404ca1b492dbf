"""The OpenTelemetry Collector behind ours, over gRPC and HTTP, each compression and encoding: 300 varied spans arrive unchanged."""

from harness import collector_peer
from installed import COLLECTOR
from spans import check_arrived, post_varied

PACKAGES = []
NEEDS = [collector_peer]
VERSION = COLLECTOR
# Exporter of ours, and how it packs.
WAYS = [
    ("otlp_grpc", "gzip", "proto"),
    ("otlp_grpc", "zstd", "proto"),
    ("otlp_grpc", "none", "proto"),
    ("otlp_http", "gzip", "proto"),
    ("otlp_http", "zstd", "proto"),
    ("otlp_http", "deflate", "proto"),
    ("otlp_http", "none", "proto"),
    ("otlp_http", "gzip", "json"),
]


def check(bench):
    entry, *ports = bench.ports(1 + len(WAYS))
    theirs(bench, ports)
    exporters, names = [], []
    for (kind, packing, encoding), port in zip(WAYS, ports):
        names.append(f"{kind}/{packing}-{encoding}")
        endpoint = f"http://127.0.0.1:{port}" if kind == "otlp_http" else f"127.0.0.1:{port}"
        how = f"compression: {packing}, tls: {{insecure: true}}"
        how += f", encoding: {encoding}" if kind == "otlp_http" else ""
        exporters.append(f'  {names[-1]}: {{endpoint: "{endpoint}", {how}}}')
    config = bench.folder / "ours.yaml"
    config.write_text(
        f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{entry}"}}}}}}}}
processors: {{batch: }}
exporters:
{chr(10).join(exporters)}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [batch], exporters: [{", ".join(names)}]}}}}
"""
    )
    process = bench.start("collector", [bench.binary, "collector", "--config", config])
    bench.wait_for_port(entry, process)
    post_varied(entry)
    for kind, packing, encoding in WAYS:
        check_arrived(f"{kind}, {packing}, {encoding}", bench.folder / f"{kind}-{packing}-{encoding}.jsonl")


def theirs(bench, ports):
    """The Collector with a receiver, a pipeline and a file for each way."""
    receivers, exporters, pipelines = [], [], []
    for (kind, packing, encoding), port in zip(WAYS, ports):
        name = f"{kind}-{packing}-{encoding}"
        protocol = kind.removeprefix("otlp_")
        receivers.append(f'  otlp/{name}: {{protocols: {{{protocol}: {{endpoint: "127.0.0.1:{port}"}}}}}}')
        exporters.append(f'  file/{name}: {{path: "{bench.folder / name}.jsonl", flush_interval: 100ms}}')
        pipelines.append(f"    traces/{name}: {{receivers: [otlp/{name}], exporters: [file/{name}]}}")
    text = ["receivers:", *receivers, "exporters:", *exporters]
    text += ["service:", "  telemetry: {metrics: {level: none}}", "  pipelines:", *pipelines]
    config = bench.folder / "behind.yaml"
    config.write_text("\n".join(text))
    process = bench.start("behind", [collector_peer(), "--config", config])
    for port in ports:
        bench.wait_for_port(port, process)
