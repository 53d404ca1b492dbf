"""Arize Phoenix as the backend: it takes OTLP from our collector, and its filter finds the flagged spans by signals.quality."""

import json
import re
import urllib.request

from harness import FLAG, HERE, expect, healthy, until

# In an environment of its own: it brings most of what there is.
PACKAGES = ["arize-phoenix==20.26.1"]
VERSION_OF = "arize-phoenix"
PAGE = HERE.parent.parent / "docs" / "backends" / "phoenix.md"
AGENT = HERE.parent / "fixtures" / "backends" / "agent.json"
QUERY = "query ($condition: String) { projects { edges { node { spans(first: 1000, filterCondition: $condition) { edges { node { name } } } } } } }"


def check(bench):
    port, theirs = bench.ports(2)
    phoenix = bench.start(
        "phoenix",
        [bench.python.parent / "phoenix", "serve"],
        env={
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(theirs),
            "PHOENIX_WORKING_DIR": str(bench.folder / "phoenix"),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        },
    )
    until(300, "Phoenix up", lambda: healthy(port, "/healthz") or ended(phoenix))
    http = collector(bench, port, theirs)
    sent = send(http)
    flagged = sorted(name for name in sent if name.endswith(FLAG))
    assert flagged, "no span of the fixture has the flag"
    # Over gRPC and over HTTP: each span is one to Phoenix, which knows it by its id.
    until(30, f"{len(sent)} spans in Phoenix", lambda: len(found(port, "")) == len(sent))
    check_filters(port, flagged)


def check_filters(port, flagged):
    conditions = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    conditions = [line for block in conditions for line in block.splitlines()]
    assert "signals.quality == 'Severe'" in conditions, f"the page has {conditions}"
    for condition in conditions:
        assert found(port, condition), f"the page's {condition} finds nothing"
    severe = found(port, "signals.quality == 'Severe'")
    poor = found(port, "signals.quality == 'Poor'")
    expect("what is poor or severe", sorted(severe + poor), flagged)
    expect("what is flagged", sorted(found(port, "signals.flagged == True")), flagged)
    expect("what is excellent by mistake", found(port, "signals.quality == 'No such'"), [])


def ended(process):
    assert process.poll() is None, f"Phoenix ended with {process.returncode}"
    return False


def collector(bench, http, grpc):
    port, health = bench.ports(2)
    config = bench.folder / "phoenix.yaml"
    config.write_text(
        f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
processors: {{signals: , batch: }}
exporters:
  otlp_http/phoenix: {{endpoint: "http://127.0.0.1:{http}"}}
  otlp_grpc/phoenix: {{endpoint: "127.0.0.1:{grpc}", tls: {{insecure: true}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [signals, batch], exporters: [otlp_http/phoenix, otlp_grpc/phoenix]}}}}
"""
    )
    process = bench.start("collector", [bench.binary, "collector", "--config", config])
    bench.wait_for_port(port, process)
    return port


def send(port):
    """Sends the agent's trace; the names of its spans."""
    body = AGENT.read_bytes()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", body, headers), timeout=10).close()
    resources = json.loads(body)["resourceSpans"]
    return [span["name"] for resource in resources for scope in resource["scopeSpans"] for span in scope["spans"]]


def found(port, condition):
    """Names of the spans that a condition of Phoenix's filter finds."""
    body = json.dumps({"query": QUERY, "variables": {"condition": condition}}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        told = json.load(reply)
    assert "errors" not in told, f"{condition}: {told['errors']}"
    projects = told["data"]["projects"]["edges"]
    return [span["node"]["name"] for project in projects for span in project["node"]["spans"]["edges"]]
