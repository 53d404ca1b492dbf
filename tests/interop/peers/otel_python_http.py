"""OpenTelemetry's Python SDK, exporting protobuf over HTTP, through a collector to a trace listener."""

from customer_support import PACKAGES, VERSION_OF, check_sent  # noqa: F401 - the first two are read by the runner


def check(bench):
    viewer = bench.listener()
    _grpc, http = bench.collector(viewer)
    sent = bench.run_app("customer_support.py", ["http", f"http://localhost:{http}/v1/traces"])
    check_sent(bench, viewer, sent)
