"""Datadog's test agent gets a trace of the gateway over OTLP, from three exporters, and natively: names, signals, statistics.

It is read back through its session API. The test agent has no endpoint for what agents send to Datadog. It takes what tracers send to agents, whose spans and statistics are the
same records: so the spans of our AgentPayload, as Datadog's own types read them, go to it as a tracer's, and our statistics likewise, and
it decodes and checks both.
"""

import base64
import json
import urllib.error
import urllib.request

import harness
from datadog import FIXTURES, HOST, KEY, STATS, TRACES, Intake, collector, end, program, read, send

PACKAGES = ["ddapm-test-agent==1.69.1"]
VERSION_OF = "ddapm-test-agent"
NEEDS = [program]
AGENT = FIXTURES / "agent.json"


def check(bench):
    port, http, grpc = bench.ports(3)
    command = [bench.python.parent / "ddapm-test-agent", "--host", "127.0.0.1", "--port", port]
    process = bench.start("test-agent", [*command, "--otlp-http-port", http, "--otlp-grpc-port", grpc])
    for one in (port, http, grpc):
        bench.wait_for_port(one, process)
    over_otlp(bench, http, grpc)
    natively(bench, f"http://127.0.0.1:{port}")


def over_otlp(bench, http, grpc):
    exporters = {
        "otlp_http": f'endpoint: "http://127.0.0.1:{http}"',
        "otlp_grpc": f'endpoint: "127.0.0.1:{grpc}", tls: {{insecure: true}}',
        "datadog": f'otlp: true, api: {{key: {KEY}}}, traces: {{endpoint: "http://127.0.0.1:{http}"}}',
    }
    sent = {span["spanId"]: span for span in spans_of(json.loads(AGENT.read_text()))}
    for name, settings in exporters.items():
        get(f"http://127.0.0.1:{http}/test/session/clear")
        process, receiver = collector(bench, name, f"{name}: {{{settings}}}")
        send(receiver, AGENT)
        end(process)
        got = {
            base64.b64decode(span["span_id"]).hex(): span
            for request in json.loads(get(f"http://127.0.0.1:{http}/test/session/traces"))
            for span in spans_of(request)
        }
        harness.expect(f"{name}: the spans", sorted(got), sorted(sent))
        for span_id, span in got.items():
            compare(name, sent[span_id], span)
        if name == "datadog":
            key = [request for request in requests(http) if request.get("dd-api-key") == KEY]
            assert key, "the datadog exporter did not send its key"


def requests(port):
    """The headers of the requests that the test agent got, names in lower case."""
    found = json.loads(get(f"http://127.0.0.1:{port}/test/session/requests"))
    return [{name.lower(): text for name, text in request["headers"].items()} for request in found]


def compare(exporter, sent, got):
    """Names, signals and events; the datadog exporter adds an operation and a resource to those of models and agents."""
    place = f"{exporter}: span {sent['spanId']}"
    harness.expect(f"{place}: name", got.get("name"), sent.get("name"))
    mine = {attribute["key"]: list(attribute["value"].values())[0] for attribute in sent["attributes"]}
    theirs = {attribute["key"]: list(attribute["value"].values())[0] for attribute in got["attributes"]}
    added = set(theirs) - set(mine)
    allowed = {"operation.name", "resource.name"} if exporter == "datadog" else set()
    assert added <= allowed, f"{place}: attributes that were not sent: {sorted(added)}"
    signals = {key: text for key, text in mine.items() if key.startswith("signals.")}
    harness.expect(f"{place}: signals", {key: theirs.get(key) for key in signals}, signals)
    harness.expect(f"{place}: attributes lost", set(mine) - set(theirs), set())
    names = [[event["name"] for event in span.get("events", [])] for span in (got, sent)]
    harness.expect(f"{place}: events", names[0], names[1])


def spans_of(request):
    """The spans of a request in either spelling of its keys."""
    for resource in request.get("resourceSpans", request.get("resource_spans", [])):
        for scope in resource.get("scopeSpans", resource.get("scope_spans", [])):
            yield from scope["spans"]


def natively(bench, agent):
    with Intake() as intake:
        settings = f'api: {{key: {KEY}}}, hostname: {HOST}, traces: {{endpoint: "http://127.0.0.1:{intake.port}"}}'
        process, receiver = collector(bench, "native", f"datadog: {{{settings}}}")
        send(receiver, AGENT)
        end(process)
        assert not intake.faults, "\n".join(intake.faults)
        payloads = read(bench, "native", intake.bodies(TRACES))
        statistics = bench.folder / "statistics"
        [body] = intake.bodies(STATS)
        statistics.write_bytes(body)
    ours = bench.folder / "native.json"
    ours.write_text(json.dumps(payloads))
    get(f"{agent}/test/session/clear")
    bench.run_app("datadog_tracer.py", [agent, ours, statistics])
    spans = [span for trace in json.loads(get(f"{agent}/test/session/traces")) for span in trace]
    wanted = [span for payload in payloads for chunk in payload["chunks"] for span in chunk["spans"]]
    what = ("name", "resource", "service", "type")
    harness.expect("the spans", sorted(tuple(span[key] for key in what) for span in spans), sorted(tuple(span[key] for key in what) for span in wanted))
    flagged = [span for span in spans if span["meta"].get("signals.flagged") == "true"]
    harness.expect("flagged spans", len(flagged), 2)
    for span in flagged:
        harness.expect("signals.quality", span["meta"]["signals.quality"], "Severe")
        assert "signals.quality_score" in span["metrics"], f"the score is no number: {sorted(span['metrics'])}"
    for span in wanted:
        print(f"{span['name']:28} {span['resource']:44} {span['service']:20} {span['type']}")
    counted = json.loads(get(f"{agent}/test/session/stats"))
    hits = sum(group["Hits"] for client in counted for bucket in client["Stats"] for group in bucket["Stats"])
    harness.expect("spans that the statistics count", hits, len(spans))
    # 400 where it found fault with a trace.
    get(f"{agent}/test/trace_check/failures")


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.read().decode()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error.code}\n{error.read().decode(errors='replace')}") from None
