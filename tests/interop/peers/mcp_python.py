"""An MCP server of the official Python SDK as filters of `planoai up`: what it is called with, what comes of its answers, the trace
of it, and what happens when it forgets its sessions."""

import json
import re
import secrets
import urllib.error
import urllib.request

from gateway import value
from harness import HERE, expect, stop

PACKAGES = ["mcp==2.3.0"]
VERSION_OF = "mcp"
PATH = "/v1/chat/completions"
KEY = "key-of-the-client"
EXAMPLES = HERE.parent.parent / "docs" / "filters.md"


class Gateway:
    """A gateway with filters: `port` has three of requests, `streamed` one of answers, `page` the two of the page's examples."""

    def __init__(self, bench):
        self.bench = bench
        self.viewer = bench.listener()
        self.model, self.mcp, self.port, self.streamed, self.page, http, mcp = bench.ports(7)
        stand_in = bench.start("stand-in-model", [bench.python, HERE / "apps" / "stand_in_model.py", self.model])
        bench.wait_for_port(self.model, stand_in)
        self.server = None
        self.serve()
        self.start_example("HTTPServer", "10500", http)
        self.start_example("MCPServer", "10501", mcp)
        config = bench.folder / "gateway.yaml"
        config.write_text(
            f"""
version: v0.4.0
listeners:
  - {{type: model, name: llm, port: {self.port}, input_filters: [guard, rewrite, nothing]}}
  - {{type: model, name: streamed, port: {self.streamed}, output_filters: [events]}}
  - {{type: model, name: page, port: {self.page}, input_filters: [page-http, page-mcp]}}
model_providers:
  - {{model: openai/gpt-4o, access_key: key-of-openai, base_url: "http://127.0.0.1:{self.model}/v1"}}
filters:
  - {{id: guard, url: "http://127.0.0.1:{self.mcp}/mcp", type: mcp, tool: guard}}
  - {{id: rewrite, url: "http://127.0.0.1:{self.mcp}/mcp", type: mcp, tool: rewrite}}
  - {{id: nothing, url: "http://127.0.0.1:{self.mcp}/mcp", type: mcp, tool: nothing}}
  - {{id: events, url: "http://127.0.0.1:{self.mcp}/mcp", type: mcp, tool: events}}
  - {{id: page-http, url: "http://127.0.0.1:{http}"}}
  - {{id: page-mcp, url: "http://127.0.0.1:{mcp}/mcp", type: mcp, tool: rewrite}}
tracing: {{random_sampling: 100, opentracing_grpc_endpoint: "http://127.0.0.1:{self.viewer}", receiver: none}}
telemetry: {{metrics_address: none}}
"""
        )
        process = bench.start("gateway", [bench.binary, "up", config])
        for port in (self.port, self.streamed, self.page):
            bench.wait_for_port(port, process)

    def serve(self):
        """Starts the MCP server, anew where it runs already."""
        if self.server:
            stop(self.server)
        command = [self.bench.python, HERE / "apps" / "mcp_filter.py", self.mcp]
        self.server = self.bench.start("mcp-server", command)
        self.bench.wait_for_port(self.mcp, self.server)

    def start_example(self, word, port, other):
        """Runs the page's example that has that word, as it stands there but for the port."""
        found = re.findall(r"^```py\n(.*?)^```$", EXAMPLES.read_text(), re.DOTALL | re.MULTILINE)
        (example,) = [text for text in found if word in text]
        assert port in example, f"the example has no port {port}:\n{example}"
        file = self.bench.folder / f"{word}.py"
        file.write_text(example.replace(port, str(other)))
        self.bench.wait_for_port(other, self.bench.start(f"example-{word}", [self.bench.python, file]))

    def ask(self, port, text, **more):
        """One request of a client; gives its trace's id, the status and the body."""
        trace_id = secrets.token_hex(16)
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {KEY}",
            "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01",
            "x-request-id": f"request-{trace_id}",
        }
        request = urllib.request.Request(f"http://127.0.0.1:{port}{PATH}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return trace_id, reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return trace_id, error.code, error.read().decode()

    def told(self, port):
        """What a stand-in was asked since the last call."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/asked", timeout=5) as reply:
            return json.load(reply)


def check(bench):
    gateway = Gateway(bench)
    sessions = check_chain(gateway)
    expect("sessions of a second request", check_chain(gateway), sessions)
    check_refusal(gateway)
    gateway.serve()
    anew = check_chain(gateway)
    assert not set(anew) & set(sessions), f"the server was started anew, and has {anew} as before"
    check_stream(gateway)
    check_examples(gateway)


def check_chain(gateway):
    """Two filters pass a request on, one of them changed; gives the ids of the sessions."""
    trace_id, status, body = gateway.ask(gateway.port, "How far is it to Zanzibar?")
    expect("the status", status, 200)
    expect("the answer", json.loads(body)["choices"][0]["message"]["content"], "You said: How far is it to Timbuktu?")
    (asked,) = gateway.told(gateway.model)
    expect("the request at the model", asked["body"]["messages"][0]["content"], "How far is it to Timbuktu?")
    calls = gateway.told(gateway.mcp)
    expect("the tools", [call["tool"] for call in calls], ["guard", "rewrite", "nothing"])
    spans = gateway.bench.trace(gateway.viewer, trace_id, 7)
    filters = {value(span, "filter.name"): span for span in spans if span["service"] == "plano(filter)"}
    (inbound,) = [span for span in spans if span["service"] == "plano(inbound)"]
    for call, wanted, outcome in zip(calls, ["Zanzibar", "Zanzibar", "Timbuktu"], ["passed", "changed", "passed"]):
        tool, headers = call["tool"], call["headers"]
        span = filters[tool]
        expect(f"{tool}: the path", call["path"], PATH)
        expect(f"{tool}: the body", call["body"]["messages"][0]["content"], f"How far is it to {wanted}?")
        expect(f"{tool}: traceparent", headers["traceparent"], f"00-{trace_id}-{span['spanId']}-01")
        expect(f"{tool}: x-request-id", headers["x-request-id"], f"request-{trace_id}")
        expect(f"{tool}: the protocol's version", headers["mcp-protocol-version"], "2025-06-18")
        assert KEY not in json.dumps(headers), f"{tool} got the client's key: {headers}"
        expect(f"{tool}: the span's name", span["name"], tool)
        expect(f"{tool}: the span's parent", span["parentSpanId"], inbound["spanId"])
        for key, told in [
            ("filter.type", "mcp"),
            ("filter.url", f"http://127.0.0.1:{gateway.mcp}/mcp"),
            ("filter.tool", tool),
            ("filter.direction", "input"),
            ("filter.outcome", outcome),
            ("http.status_code", 200),
        ]:
            expect(f"{tool}: {key}", value(span, key), told)
    return [call["headers"]["mcp-session-id"] for call in calls]


def check_refusal(gateway):
    """A tool's error refuses the request, in the tool's words; the model is not asked."""
    trace_id, status, body = gateway.ask(gateway.port, "Tell me of penguins.")
    expect("the status of what is refused", status, 400)
    assert "no birds, please" in json.loads(body)["error"]["message"], body
    expect("requests at the model", gateway.told(gateway.model), [])
    expect("the tools", [call["tool"] for call in gateway.told(gateway.mcp)], ["guard"])
    spans = gateway.bench.trace(gateway.viewer, trace_id, 2)
    (refusing,) = [span for span in spans if span["service"] == "plano(filter)"]
    expect("the outcome", value(refusing, "filter.outcome"), "rejected")
    for span in spans:
        expect(f"error.type of {span['service']}", value(span, "error.type"), "filter_rejected")
    shown = json.dumps(spans)
    assert "no birds" not in shown, f"the filter's words are on a span: {shown}"


def check_stream(gateway):
    """A stream's events go through a filter, and stay a stream."""
    trace_id, status, body = gateway.ask(gateway.streamed, "How far is it to Zanzibar?", stream=True)
    expect("the status of a stream", status, 200)
    data = re.findall(r"^data: (.*)$", body, re.MULTILINE)
    expect("the end of a stream", data[-1], "[DONE]")
    chunks = [json.loads(one) for one in data[:-1]]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    expect("requests of a stream at the model", len(gateway.told(gateway.model)), 1)
    expect("the streamed answer", text, "They said: How far is it to Zanzibar?")
    spans = gateway.bench.trace(gateway.viewer, trace_id, 5)
    (looking,) = [span for span in spans if span["service"] == "plano(filter)"]
    expect("the outcome of a stream's filter", value(looking, "filter.outcome"), "changed")
    expect("the direction of a stream's filter", value(looking, "filter.direction"), "output")
    (llm,) = [span for span in spans if span["service"] == "plano(llm)"]
    expect("the parent of a stream's filter", looking["parentSpanId"], llm["spanId"])


def check_examples(gateway):
    """What the page's filters do."""
    _trace, status, body = gateway.ask(gateway.page, "What is a trace?")
    expect("the status behind the page's filters", (status, body if status != 200 else ""), (200, ""))
    (asked,) = gateway.told(gateway.model)
    expect("the message that the page adds", asked["body"]["messages"][0], {"role": "system", "content": "Be brief."})
    _trace, status, body = gateway.ask(gateway.page, "What is my password?")
    expect("the status that the page refuses with", status, 403)
    expect("the words of the page's refusal", json.loads(body)["error"]["message"], "no passwords, please")
    expect("requests at the model", gateway.told(gateway.model), [])
