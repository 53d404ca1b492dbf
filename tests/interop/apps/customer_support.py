"""The documentation's Python application, and two conversations as OpenLLMetry records them.

usage: customer_support.py grpc|http ENDPOINT

An instrumented client calls a handler over HTTP; the handler extracts the caller's context, starts
process_customer_request, injects the context and calls a service behind it with requests. Then two LLM spans: a customer
who gives up on the assistant, and one who is content. Prints what was sent as JSON.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

UNHAPPY = [
    ("user", "Where is my order? It should have been here on Monday."),
    ("assistant", "You can follow your order on the orders page."),
    ("user", "I looked there, it says nothing. Where is it?"),
    ("assistant", "You can follow your order on the orders page."),
    ("user", "This is useless. I want to speak to a human."),
    ("assistant", "You can follow your order on the orders page."),
]
CONTENT = [
    ("user", "Where is my order? It should have been here on Monday."),
    ("assistant", "It left our warehouse this morning and arrives tomorrow before noon."),
    ("user", "Perfect, thank you so much!"),
    ("assistant", "You are welcome."),
]


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=endpoint)


def serve(answer):
    """Serves answer(request) on a free loopback port; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answer(self).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def conversation(tracer, messages):
    """One LLM call as the OpenAI instrumentation of OpenLLMetry writes it; gives its trace id."""
    *prompt, (reply_role, reply) = messages
    with tracer.start_as_current_span("openai.chat", kind=trace.SpanKind.CLIENT) as span:
        span.set_attribute("llm.request.type", "chat")
        span.set_attribute("gen_ai.system", "openai")
        span.set_attribute("gen_ai.request.model", "gpt-4o-mini")
        span.set_attribute("gen_ai.response.model", "gpt-4o-mini-2024-07-18")
        for index, (role, text) in enumerate(prompt):
            span.set_attribute(f"gen_ai.prompt.{index}.role", role)
            span.set_attribute(f"gen_ai.prompt.{index}.content", text)
        span.set_attribute("gen_ai.completion.0.role", reply_role)
        span.set_attribute("gen_ai.completion.0.content", reply)
        span.set_attribute("gen_ai.completion.0.finish_reason", "stop")
        span.set_attribute("llm.usage.total_tokens", 225)
        return f"{span.get_span_context().trace_id:032x}"


def main():
    protocol, endpoint = sys.argv[1:]
    provider = TracerProvider(resource=Resource.create({"service.name": "customer-support-agent"}))
    provider.add_span_processor(BatchSpanProcessor(exporter(protocol, endpoint)))
    trace.set_tracer_provider(provider)
    RequestsInstrumentor().instrument()
    tracer = trace.get_tracer("customer_support")
    seen = {}

    def behind(request):
        seen["traceparent"] = request.headers["traceparent"]
        return "done"

    behind_url = serve(behind)

    def handle(request):
        context = extract(request.headers)
        with tracer.start_as_current_span("process_customer_request", context=context) as span:
            span.set_attributes({"customer.id": "c-17", "attempt": 1, "share": 0.5, "vip": True, "tags": ["a", "ü"]})
            span.add_event("looked up", {"rows": 3})
            span_context = span.get_span_context()
            seen["trace_id"] = f"{span_context.trace_id:032x}"
            seen["span_id"] = f"{span_context.span_id:016x}"
            headers = {}
            inject(headers)
            return requests.get(behind_url, headers=headers, timeout=10).text

    requests.get(serve(handle), timeout=10).raise_for_status()
    llm = trace.get_tracer("opentelemetry.instrumentation.openai.v1", "0.40.0")
    seen["unhappy"] = conversation(llm, UNHAPPY)
    seen["content"] = conversation(llm, CONTENT)
    provider.shutdown()
    print(json.dumps(seen))


main()
