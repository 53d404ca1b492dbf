"""Prometheus scrapes the collector and the gateway; PromQL over our signal metrics gives what was sent, the page's alert included."""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from gateway import OPENTELEMETRY, Gateway
from harness import HERE, expect, prometheus, until

PACKAGES = ["openai==3.57.0", *OPENTELEMETRY]
NEEDS = [prometheus]
PAGE = HERE.parent.parent / "docs" / "backends" / "prometheus.md"
SAMPLE = HERE.parent.parent / "docs" / "examples" / "conversation.json"
ANGRY = "This is useless. I want to speak to a human!"


def VERSION():
    told = subprocess.run([str(prometheus()), "--version"], capture_output=True, text=True, timeout=30)
    return re.search(r"version (\S+)", told.stdout + told.stderr)[1]


def check(bench):
    grpc, http, metrics, port = bench.ports(4)
    collector(bench, grpc, http, metrics)
    gateway = Gateway(bench, grpc)
    server = serve(bench, port, {"collector": metrics, "gateway": gateway.metrics})
    until(30, "both targets up", lambda: value(port, "sum(up)") == 2)
    for text in ["How far is it from Berlin to Zanzibar", ANGRY, "What is a trace?", ANGRY.replace("useless", "so useless")]:
        ask(gateway.port, text)
    # The gateway analyzes by itself and drops the messages; the collector reads what an application put on its spans.
    post(http, SAMPLE.read_bytes())
    for query, wanted in [
        ('sum(plano_signals_conversations_total{job="gateway"})', 4),
        ('plano_signals_flagged_total{job="gateway"}', 2),
        ('sum(plano_signals_conversations_total{job="gateway", quality=~"Poor|Severe"})', 2),
        ('plano_signals_detected_total{job="gateway", type="interaction.disengagement.escalation"}', 2),
        ('sum(plano_signals_turns_count{job="gateway"})', 4),
        ('sum(plano_signals_conversations_total{job="collector"})', 1),
        ('plano_signals_flagged_total{job="collector"}', 1),
    ]:
        until(15, f"{query} = {wanted}", lambda query=query, wanted=wanted: value(port, query) == wanted)
    received = 'sum(otelcol_receiver_accepted_spans{job="collector", transport="grpc"})'
    until(15, "the gateway's spans counted", lambda: (value(port, received) or 0) >= 16)
    check_page(port)
    expect("Prometheus still runs", server.poll(), None)


def check_page(port):
    """Every query of the page is one, and names metrics that were scraped."""
    queries = re.findall(r"^```promql\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(queries) >= 4, f"{len(queries)} queries on {PAGE.name}"
    known = set(answer(port, "/api/v1/label/__name__/values")["data"])
    for query in queries:
        told = answer(port, "/api/v1/query", query=query)
        assert told["status"] == "success", f"{query}\n{told}"
        for name in re.findall(r"\b(?:plano|otelcol|brightstaff)_\w+", query):
            assert name in known, f"{name} of the page was not scraped: {sorted(n for n in known if n.startswith('plano'))}"


def collector(bench, grpc, http, metrics):
    config = bench.folder / "metrics.yaml"
    config.write_text(
        f"""
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}, http: {{endpoint: "127.0.0.1:{http}"}}}}}}
processors: {{signals: , batch: }}
exporters: {{file: {{path: /dev/null}}}}
service:
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [signals, batch], exporters: [file]}}}}
"""
    )
    process = bench.start("collector", [bench.binary, "collector", "--config", config])
    bench.wait_for_port(metrics, process)
    bench.wait_for_port(grpc, process)


def serve(bench, port, targets):
    lines = [f'  - {{job_name: {job}, static_configs: [{{targets: ["127.0.0.1:{at}"]}}]}}' for job, at in targets.items()]
    config = bench.folder / "prometheus.yaml"
    config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n" + "\n".join(lines))
    process = bench.start(
        "prometheus",
        [prometheus(), f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
        + [f"--storage.tsdb.path={bench.folder / 'tsdb'}"],
    )
    bench.wait_for_port(port, process)
    return process


def ask(port, text):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer key-of-the-client"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=20).close()


def post(port, body):
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", body, headers), timeout=10).close()


def answer(port, path, **query):
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return {"status": "error", "data": {"result": []}, "error": error.read().decode(errors="replace")}


def value(port, query):
    """The one number that a query gives, or None."""
    found = answer(port, "/api/v1/query", query=query)["data"]["result"]
    return float(found[0]["value"][1]) if len(found) == 1 else None
