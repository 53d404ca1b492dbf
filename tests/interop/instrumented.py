"""What the peers share that record an OpenAI client by somebody else's instrumentation: their packages, and what must arrive of
apps/instrumented_client.py."""

from gateway import KEYS, OPENTELEMETRY, Gateway, value
from harness import FLAG, expect

# One environment for the three. Langtrace's SDK imports two packages that it does not name, one of them in an old version.
PACKAGES = [
    "openai==3.57.0",
    "langtrace-python-sdk==3.8.21",
    "importlib-metadata==10.2.0",
    "setuptools==80.9.0",
    "opentelemetry-instrumentation-openai==0.62.4",
    "openinference-instrumentation-openai==0.1.66",
    *OPENTELEMETRY,
]


def run(bench, kind):
    """The client through a gateway, its spans through our collector into a listener: the listener, and the traces by name."""
    viewer = bench.listener()
    _grpc, http = bench.collector(viewer)
    gateway = Gateway(bench, viewer)
    url = f"http://127.0.0.1:{gateway.port}/v1"
    told = bench.run_app("instrumented_client.py", [kind, url, http, KEYS[0]])
    return gateway, http, told["traces"]


def check(bench, gateway, traces, call, dialect_of):
    """The call's span of each trace has signals in our words, whatever the emitter's are; only the angry one has the flag."""
    for name, trace_id in traces.items():
        # The client's own span, the emitter's, and the gateway's four: the headers carry the trace on or not.
        spans = {span["name"]: span for span in bench.trace_of_any_size(gateway.viewer, trace_id, 2)}
        (span,) = [span for title, span in spans.items() if title.removesuffix(f" {FLAG}") == call]
        quality = value(span, "signals.quality")
        assert quality, f"{name}: no signals on {span['name']}: {sorted(a['key'] for a in span['attributes'])}"
        expect(f"{name}: flag", span["name"].endswith(FLAG), name == "angry")
        expect(f"{name}: signals.flagged", value(span, "signals.flagged"), True if name == "angry" else None)
        assert isinstance(value(span, "signals.turn_count"), int), f"{name}: turns"
        if name == "angry":
            expect("angry: escalation", value(span, "signals.escalation.requested"), "true")
            assert quality in ("Poor", "Severe"), f"angry: {quality}"
        if name == "good":
            assert quality in ("Excellent", "Good"), f"good: {quality}"
            assert value(span, "signals.positive_feedback.count"), "good: nobody was thanked"
        dialect_of(name, span)
