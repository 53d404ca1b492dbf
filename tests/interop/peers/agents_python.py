"""Two agents of OpenTelemetry's and OpenAI's SDKs behind an agent listener, with a filter over HTTP and one of the MCP SDK, and a model
that is down: one trace of it all, as `planoai trace` prints it."""

import json
import secrets
import urllib.request

from gateway import OPENTELEMETRY, value
from harness import HERE, expect

PACKAGES = ["openai==3.57.0", "mcp==2.3.0", *OPENTELEMETRY]
VERSION_OF = "openai"
QUESTION = "I fly to Oslo tomorrow. What do I need?"
# inbound, orchestrator, its llm and handoff, two filters, and for each agent: its part, handoff, own span, and its call back here of
# inbound, routing, llm and handoffs; the turns give one of the two calls the model that is down.
SPANS = 4 + 2 + 2 * (3 + 4) + 1
SERVICES = [f"plano({name})" for name in ("inbound", "orchestrator", "filter", "agent", "routing", "llm", "handoff")]


def ask(port, trace_id):
    """What a client without an SDK is answered."""
    body = {"model": "travel", "messages": [{"role": "user", "content": QUESTION}]}
    headers = {"content-type": "application/json", "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)["choices"][0]["message"]["content"]


def check(bench):
    viewer = bench.listener()
    desk, mcp, travel, llm, receiver = bench.ports(5)
    bench.wait_for_port(mcp, bench.start("mcp-server", [bench.python, HERE / "apps" / "mcp_filter.py", mcp]))
    bench.wait_for_port(desk, bench.start("travel", [bench.python, HERE / "apps" / "travel.py", desk, llm, receiver]))
    config = bench.folder / "gateway.yaml"
    config.write_text(
        f"""
version: v0.4.0
listeners:
  - type: agent
    name: travel
    port: {travel}
    router: plano_orchestrator_v1
    input_filters: [guard]
    agents:
      - {{id: weather, description: "weather, now and in the next days", default: true, input_filters: [rewrite]}}
      - {{id: flight, description: "flights: times, prices, bookings"}}
  - {{type: model, name: llm, port: {llm}}}
agents:
  - {{id: weather, url: "http://127.0.0.1:{desk}/weather"}}
  - {{id: flight, url: "http://127.0.0.1:{desk}/flight"}}
filters:
  - {{id: guard, url: "http://127.0.0.1:{desk}/guard"}}
  - {{id: rewrite, url: "http://127.0.0.1:{mcp}/mcp", type: mcp, tool: rewrite}}
model_providers:
  - {{model: own/router, base_url: "http://127.0.0.1:{desk}/router/v1", provider_interface: openai}}
  - {{model: own/down, base_url: "http://127.0.0.1:{desk}/down/v1", provider_interface: openai}}
  - {{model: own/up, base_url: "http://127.0.0.1:{desk}/up/v1", provider_interface: openai}}
model_aliases:
  smart-llm: {{targets: [own/down, own/up], strategy: round-robin}}
overrides: {{agent_orchestration_model: own/router}}
tracing:
  random_sampling: 100
  opentracing_grpc_endpoint: "http://127.0.0.1:{viewer}"
  receiver: {{grpc: "127.0.0.1:{receiver}", http: none}}
telemetry: {{metrics_address: none}}
"""
    )
    process = bench.start("gateway", [bench.binary, "up", config])
    for port in (travel, llm, receiver):
        bench.wait_for_port(port, process)
    trace_id = secrets.token_hex(16)
    said = ask(travel, trace_id)
    assert said.startswith("flight: "), said
    spans = bench.trace(viewer, trace_id, SPANS)
    services = [*SERVICES, "weather-agent", "flight-agent"]
    of = {service: [span for span in spans if span["service"] == service] for service in services}
    ids = {span["spanId"]: span for span in spans}
    outer = [span for span in of["plano(inbound)"] if span["parentSpanId"] not in ids]
    expect("requests from outside", len(outer), 1)
    parent = {span["spanId"]: span.get("parentSpanId") for span in spans}
    for name in ("weather", "flight"):
        (own,) = of[f"{name}-agent"]
        (part,) = [span for span in of["plano(agent)"] if value(span, "agent_id") == name]
        expect(f"{name}: what its own span is below", parent[parent[own["spanId"]]], part["spanId"])
        expect(f"{name}: what its part is below", parent[part["spanId"]], outer[0]["spanId"])
        (back,) = [span for span in of["plano(inbound)"] if span["parentSpanId"] == own["spanId"]]
        expect(f"{name}: the listener that it calls back", value(back, "listener.name"), "llm")
    (orchestrator,) = of["plano(orchestrator)"]
    expect("the agents that were chosen", value(orchestrator, "selection.agents"), "weather,flight")
    fallbacks = [value(span, "routing.is_fallback") for span in of["plano(routing)"]]
    assert True in fallbacks, f"no fallback in {fallbacks}"
    filters = sorted(value(span, "filter.name") for span in of["plano(filter)"])
    expect("the filters", filters, ["guard", "rewrite"])
    shown = bench.planoai(["trace", trace_id], viewer)
    expect("the exit code of planoai trace", shown.returncode, 0)
    print(shown.stdout)
    for service in SERVICES:
        assert service in shown.stdout, f"{service} is not in what planoai trace prints:\n{shown.stdout}"
