"""OpenTelemetry's Python SDK, exporting over gRPC as the documentation says, through a collector to a trace listener."""

from customer_support import PACKAGES, VERSION_OF, check_sent  # noqa: F401 - the first two are read by the runner


def check(bench):
    viewer = bench.listener()
    grpc, _http = bench.collector(viewer)
    sent = bench.run_app("customer_support.py", ["grpc", f"localhost:{grpc}"])
    check_sent(bench, viewer, sent)
