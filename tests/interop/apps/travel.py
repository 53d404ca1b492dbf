"""A travel desk for the gateway's agent listener: usage travel.py PORT GATEWAY RECEIVER.

By the first part of the path: `weather` and `flight` are agents, instrumented with OpenTelemetry's SDK, which ask a model of the gateway at
port GATEWAY and send their spans to its OTLP/gRPC RECEIVER; `router` is the model that chooses among them, `up` a model that
answers and `down` one that never does; `guard` is a filter that lets everything pass.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openai import OpenAI
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

PORT, GATEWAY, RECEIVER = sys.argv[1:]


def tracer(name):
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{RECEIVER}", insecure=True)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("travel")


TRACERS = {name: tracer(f"{name}-agent") for name in ("weather", "flight")}
client = OpenAI(base_url=f"http://127.0.0.1:{GATEWAY}/v1", api_key="any", max_retries=0)


def completion(text):
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stand-in",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def agent(name, asked, headers):
    parent = propagate.extract({key.lower(): value for key, value in headers.items()})
    with TRACERS[name].start_as_current_span(f"{name} agent at work", parent, kind=trace.SpanKind.SERVER):
        carried = {}
        propagate.inject(carried)
        messages = [{"role": "system", "content": f"You know all of {name}s."}, *asked["messages"]]
        reply = client.chat.completions.create(model="smart-llm", messages=messages, extra_headers=carried)
        return completion(f"{name}: {reply.choices[0].message.content}")


class Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        role = self.path.split("/")[1]
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if role in TRACERS:
            return self.answer(200, agent(role, asked, self.headers))
        if role == "router":
            return self.answer(200, completion('{"route": ["weather", "flight"]}'))
        if role == "up":
            return self.answer(200, completion("Bring an umbrella, and be early."))
        if role == "guard":
            return self.answer(200, None)
        return self.answer(503, {"error": {"message": "down for today"}})

    def answer(self, status, body):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(PORT)), Desk).serve_forever()
