"""What the peers of `planoai up` share: the gateway between a stand-in model and a trace listener, and the checks of spans."""

import json
import os
import re
import subprocess
import urllib.request

from harness import FLAG, HERE, attributes, expect

OPENTELEMETRY = ["opentelemetry-api==1.45.2", "opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp==1.45.2"]
PAGE = HERE.parent.parent / "docs" / "gateway.md"
CLIENT_KEY = "key-of-the-client"
LISTENER_KEY = "key-of-the-listener"
PROVIDER_KEYS = {"openai": "key-of-openai", "anthropic": "key-of-anthropic"}
KEYS = [CLIENT_KEY, LISTENER_KEY, *PROVIDER_KEYS.values()]
# Words of every conversation; no span may have them.
CONTENT = ["Zanzibar", "ZANZIBAR", "penguins", "capitals", "useless", "sunny"]
SERVICES = ["plano(inbound)", "plano(routing)", "plano(llm)", "plano(handoff)"]
# Attributes that say the same in the gateway's names and in OpenTelemetry's.
TWICE = {
    "llm.model": "gen_ai.request.model",
    "llm.usage.prompt_tokens": "gen_ai.usage.input_tokens",
    "llm.usage.completion_tokens": "gen_ai.usage.output_tokens",
    "llm.response.id": "gen_ai.response.id",
    "plano.session_id": "gen_ai.conversation.id",
}


class Gateway:
    """A running gateway: `port` wants no key, `keyed` LISTENER_KEY, `silent` records nothing; traces go to `viewer`, or to
    the OTLP/gRPC port `traces`; metrics are on `metrics`.

    `custom/plain` is the stand-in again, as a provider that speaks chat completions only and wants no key.
    A provider may be started on `suite`, which serves the model `custom/suite`.
    """

    def __init__(self, bench, traces=None):
        self.bench = bench
        self.viewer = traces or bench.listener()
        self.model, self.port, self.keyed, self.silent, self.suite, nobody, self.metrics = bench.ports(7)
        stand_in = bench.start("stand-in-model", [bench.python, HERE / "apps" / "stand_in_model.py", self.model])
        bench.wait_for_port(self.model, stand_in)
        config = bench.folder / "gateway.yaml"
        config.write_text(
            f"""
version: v0.4.0
listeners:
  - {{type: model, name: llm, port: {self.port}, timeout: 20s, max_retries: 1}}
  - {{type: model, name: keyed, port: {self.keyed}, api_keys: [{LISTENER_KEY}]}}
  - {{type: model, name: silent, port: {self.silent}, random_sampling: 0}}
model_providers:
{self.providers()}
  - {{model: custom/plain, base_url: "http://127.0.0.1:{self.model}/v1", provider_interface: openai}}
  - {{model: custom/suite, base_url: "http://127.0.0.1:{self.suite}/v1", provider_interface: openai}}
  - {{model: custom/nobody, base_url: "http://127.0.0.1:{nobody}/v1", provider_interface: openai}}
tracing: {{random_sampling: 100, opentracing_grpc_endpoint: "http://127.0.0.1:{self.viewer}", receiver: none}}
telemetry: {{metrics_address: "127.0.0.1:{self.metrics}"}}
"""
        )
        process = bench.start("gateway", [bench.binary, "up", config])
        for port in (self.port, self.keyed, self.silent):
            bench.wait_for_port(port, process)

    def providers(self):
        """One model of each provider, and one of each for every way to fail."""
        lines = []
        models = [("openai", ["gpt-4o", "gpt-4o-mini"], "/v1"), ("anthropic", ["claude-sonnet-4-0"], "")]
        for provider, names, path in models:
            for name in [*names, "limited", "broken", "picky", "sick", "torn"]:
                lines.append(
                    f"  - {{model: {provider}/{name}, access_key: {PROVIDER_KEYS[provider]}, "
                    f'base_url: "http://127.0.0.1:{self.model}{path}"}}'
                )
        return "\n".join(lines)

    def asked(self):
        """What the stand-in was asked since the last call; header names in lower case."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.model}/asked", timeout=5) as reply:
            requests = json.load(reply)
        for request in requests:
            request["headers"] = [(name.lower(), value) for name, value in request["headers"]]
        return requests

    def asked_by_id(self):
        """The same by `x-request-id`; of a request that was tried again the last try."""
        return {header(request, "x-request-id"): request for request in self.asked()}

    def client(self, app):
        """Runs apps/NAME, a client of the gateway that records its own spans too; gives what it tells."""
        return self.bench.run_app(app, [self.port, self.keyed, self.viewer, CLIENT_KEY, LISTENER_KEY])


def header(request, name):
    """The one value of a header that reached the provider, or None."""
    values = [value for other, value in request["headers"] if other == name]
    assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
    return values[0] if values else None


def value(span, key):
    """An attribute as a Python value. OTLP/JSON writes int64 as text; that it is `intValue` is what says it is a number."""
    found = attributes(span).get(key)
    if found is None:
        return None
    ((kind, raw),) = found.items()
    if kind == "intValue":
        return int(raw)
    if kind == "arrayValue":
        return [item["stringValue"] for item in raw.get("values", [])]
    return raw


class Request:
    """The spans of one request of a client, whose own span is their root."""

    def __init__(self, gateway, told, spans=5):
        self.what = told["name"]
        self.spans = gateway.bench.trace(gateway.viewer, told["trace_id"], spans)
        for service in SERVICES:
            found = self.of(service)
            setattr(self, service.removeprefix("plano(").rstrip(")"), found[0] if found else None)
        self.check_tree(told)
        self.check_secrets()

    def of(self, service):
        return [span for span in self.spans if span["service"] == service]

    def check_tree(self, told):
        (root,) = [span for span in self.spans if span["spanId"] == told["span_id"]]
        assert root["service"] == "an-app", f"{self.what}: the client's span is of {root['service']}"
        expect(f"{self.what}: inbound's parent", self.inbound["parentSpanId"], told["span_id"])
        for service, parent in [("routing", self.inbound), ("llm", self.inbound)]:
            if span := getattr(self, service):
                expect(f"{self.what}: {service}'s parent", span["parentSpanId"], parent["spanId"])
        for span in self.of("plano(handoff)"):
            expect(f"{self.what}: handoff's parent", span["parentSpanId"], self.llm["spanId"])
        expect(f"{self.what}: request_id", {value(span, "request_id") for span in self.own()}, {told["request_id"]})

    def own(self):
        return [span for span in self.spans if span["service"] in SERVICES]

    def check_secrets(self):
        shown = json.dumps(self.spans, ensure_ascii=False)
        for secret in [*KEYS, *CONTENT]:
            assert secret not in shown, f"{self.what}: {secret!r} is on a span: {shown}"

    def check_call(self, told, path, provider, flagged=False, upstream=None):
        """A request that was answered: names, numbers and signals."""
        what = self.what
        model = told["model"]
        expect(f"{what}: services", sorted(span["service"] for span in self.own()), sorted(SERVICES))
        expect(f"{what}: inbound's name", self.inbound["name"], f"POST {path}")
        expect(f"{what}: routing's name", self.routing["name"], f"POST {path}")
        expect(f"{what}: llm's name", self.llm["name"], f"POST {path} {model}" + (f" {FLAG}" if flagged else ""))
        upstream = upstream or {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}[provider]
        assert self.handoff["name"].endswith(upstream), f"{what}: handoff's name is {self.handoff['name']}"
        for key, wanted in [
            ("llm.model", model),
            ("llm.provider", provider),
            ("gen_ai.provider.name", provider),
            ("gen_ai.operation.name", "chat"),
            ("llm.is_streaming", told["stream"]),
            ("llm.usage.prompt_tokens", told["usage"][0]),
            ("llm.usage.completion_tokens", told["usage"][1]),
            ("llm.usage.total_tokens", sum(told["usage"])),
            ("llm.tools", told.get("tools")),
            ("http.status_code", 200),
        ]:
            expect(f"{what}: {key}", value(self.llm, key), wanted)
        for key, other in TWICE.items():
            expect(f"{what}: {other}", value(self.llm, other), value(self.llm, key))
        for span in self.own():
            expect(f"{what}: session of {span['service']}", value(span, "plano.session_id"), told["session"])
        self.check_times(told["stream"])
        self.check_signals(flagged)

    def check_failure(self, error_type):
        for span in [self.inbound, self.llm, *self.of("plano(handoff)")[-1:]]:
            if span:
                expect(f"{self.what}: error.type of {span['service']}", value(span, "error.type"), error_type)
                expect(f"{self.what}: status of {span['service']}", span["status"]["code"], 2)
                assert value(span, "error.message"), f"{self.what}: no error.message on {span['service']}"

    def check_times(self, stream):
        first, whole = value(self.llm, "llm.time_to_first_token"), value(self.llm, "llm.duration_ms")
        assert isinstance(whole, int), f"{self.what}: llm.duration_ms is {whole!r}"
        events = [event["name"] for event in self.llm.get("events", [])]
        if stream:
            assert isinstance(first, int) and first <= whole, f"{self.what}: first token at {first!r} of {whole} ms"
            assert "llm.time_to_first_token" in events, f"{self.what}: events {events}"
        else:
            expect(f"{self.what}: time to the first token without a stream", first, None)

    def check_signals(self, flagged):
        found = {key: value(self.llm, key) for key in attributes(self.llm) if key.startswith("signals.")}
        assert found.get("signals.quality"), f"{self.what}: no signals.quality, only {found}"
        assert isinstance(found.get("signals.turn_count"), int), f"{self.what}: signals.turn_count in {found}"
        if flagged:
            expect(f"{self.what}: escalation", found.get("signals.escalation.requested"), "true")
            expect(f"{self.what}: signals.flagged", found.get("signals.flagged"), True)
        for span in self.own():
            if span is not self.llm:
                assert FLAG not in span["name"], f"{self.what}: a flag on {span['service']}"


def check_upstream(request, spans, provider):
    """What reached the provider: its own key and no other, and the handoff's span as the parent."""
    auth = {"openai": "authorization", "anthropic": "x-api-key"}[provider]
    other = {"openai": "x-api-key", "anthropic": "authorization"}[provider]
    expect(f"{spans.what}: {auth}", (header(request, auth) or "").removeprefix("Bearer "), PROVIDER_KEYS[provider])
    expect(f"{spans.what}: {other} to {provider}", header(request, other), None)
    wanted = f"00-{spans.handoff['traceId']}-{spans.handoff['spanId']}-"
    got = header(request, "traceparent") or ""
    assert got.startswith(wanted), f"{spans.what}: traceparent {got!r}, not {wanted}…"



def check_error(gateway, told, kind, status, _code, count, error_type):
    """A request that failed: what the client was told, and what the trace says."""
    what, error = told["name"], told["error"]
    expect(f"{what}: class", (error["class"], error["status"]), (kind, status))
    expect(f"{what}: x-request-id", error["request_id"], told["request_id"])
    expect(f"{what}: Retry-After", error["retry_after"], "60" if status == 429 else None)
    spans = Request(gateway, told, count)
    expect(f"{what}: http.status_code", value(spans.inbound, "http.status_code"), status)
    spans.check_failure(error_type)


def check_left(gateway, told):
    """A client that went away in the midst of a stream."""
    spans = Request(gateway, told)
    spans.check_failure("client_cancelled")


def check_broken_off(gateway, told, message, error_type):
    """A stream that failed after it had begun: the client saw the beginning and the reason; the trace has its kind, and the
    provider's words, which may quote the prompt, are not on it."""
    assert told["pieces"] > 0, f"{told['name']}: nothing came before the error"
    assert message in told["error"]["message"], f"{told['name']}: {told['error']}"
    spans = Request(gateway, told)
    expect(f"{told['name']}: http.status_code", value(spans.inbound, "http.status_code"), 200)
    spans.check_failure(error_type)
    if error_type == "upstream_5xx":
        shown = json.dumps(spans.own())
        assert message not in shown, f"{told['name']}: the provider's words are on a span: {shown}"


def check_models(gateway, told):
    """The list of models, which is a request like the others."""
    for model in ("openai/gpt-4o", "anthropic/claude-sonnet-4-0"):
        assert model in told["models"], f"{model} is not in {told['models']}"
    spans = Request(gateway, told, 2)
    expect("the name of the list's span", spans.inbound["name"], "GET /v1/models")
    expect("the list's http.status_code", value(spans.inbound, "http.status_code"), 200)


def check_example(gateway, package, page=PAGE, prints="You said: What is a trace?", env=None):
    """The page's example with that package, as it stands there but for the port."""
    found = re.findall(r"^```py\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    (example,) = [text for text in found if f"from {package} import" in text]
    assert "localhost:12000" in example, f"the example does not ask the default port:\n{example}"
    file = gateway.bench.folder / "example.py"
    file.write_text(example.replace("localhost:12000", f"localhost:{gateway.port}"))
    done = subprocess.run(
        [str(gateway.bench.python), str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, f"{page.name}, the example with {package}: {done.stdout}{done.stderr}"
    if env is None:
        expect(f"{page.name}, what {package} prints", (done.stdout.strip(), done.stderr), (prints, ""))
    else:  # the SDK's own greetings stand before it
        expect(f"{page.name}, what {package} prints last", done.stdout.strip().splitlines()[-1], prints)
