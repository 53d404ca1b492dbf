"""Hands spans and statistics to a Datadog agent in the form in which tracers do.

usage: datadog_tracer.py AGENT SPANS STATISTICS
       AGENT: its URL; SPANS: payloads as `datadog_mapping -sent` prints them; STATISTICS: the body of a request to /api/v0.2/stats
"""

import gzip
import json
import sys
import urllib.request

import msgpack


def span(told):
    ids = {key: int(told[key], 16) for key in ("trace_id", "span_id", "parent_id")}
    plain = {key: told[key] for key in ("name", "resource", "service", "type", "start", "duration", "error", "meta", "metrics")}
    return {**plain, **ids}


def put(url, body, **headers):
    headers = {"content-type": "application/msgpack", "datadog-meta-tracer-version": "1", "datadog-meta-lang": "rust", **headers}
    request = urllib.request.Request(url, msgpack.packb(body), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=20) as reply:
        assert reply.status == 200, reply.status


def main(agent, spans, statistics):
    with open(spans) as file:
        chunks = [chunk for payload in json.load(file) for chunk in payload["chunks"]]
    traces = [[span(one) for one in chunk["spans"]] for chunk in chunks]
    put(f"{agent}/v0.4/traces", traces, **{"x-datadog-trace-count": str(len(traces))})
    with gzip.open(statistics) as file:
        clients = msgpack.unpack(file)["Stats"]
    for client in clients:
        put(f"{agent}/v0.6/stats", client)
    print(json.dumps({"traces": len(traces), "clients": len(clients)}))


main(*sys.argv[1:])
