"""What the client applications share: each request is a span of OpenTelemetry's SDK, exported to the same place as the
gateway's, and is told in JSON at the end."""

import json
import uuid
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

CAPITALS = "Answer in capitals only."
# It names none of the words that a flag follows from.
QUESTION = "How far is it from Berlin to Zanzibar"
TOOL_QUESTION = "What is the weather in Zanzibar"
TOOL_RESULT = "sunny, with penguins"
ANGRY = "This is useless. I want to speak to a human!"


class Recorder:
    def __init__(self, port):
        self._provider = TracerProvider(resource=Resource.create({"service.name": "an-app"}))
        exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("an-app")
        self._told = {}

    @contextmanager
    def request(self, name, **facts):
        """A request to come: gives what is to be told of it, and the headers that belong to it."""
        with self._tracer.start_as_current_span(name) as span:
            context = span.get_span_context()
            told = {
                "name": name,
                "trace_id": f"{context.trace_id:032x}",
                "span_id": f"{context.span_id:016x}",
                "request_id": uuid.uuid4().hex,
                "session": f"session of {name}",
                "stream": False,
                **facts,
            }
            self._told[name] = told
            headers = {"x-request-id": told["request_id"], "x-session-id": told["session"]}
            inject(headers)
            yield told, headers

    def error(self, name, expected, ask):
        """A request that must fail with that class of the client's errors."""
        with self.request(name) as (told, headers):
            try:
                ask(headers)
            except expected as error:
                told["error"] = {
                    "class": type(error).__name__,
                    "status": error.status_code,
                    "body": error.body,
                    "retry_after": error.response.headers.get("retry-after"),
                    "request_id": error.response.headers.get("x-request-id"),
                }
                return
            raise AssertionError(f"{name}: no {expected.__name__}")

    def broken_off(self, provider, model, expected, ask):
        """A stream that fails after it has begun: with that class of the client's errors, and never as if it were whole."""
        name = f"{model} {provider}"
        with self.request(name) as (told, headers):
            told["pieces"] = 0
            try:
                for _piece in ask(f"{provider}/{model}", headers):
                    told["pieces"] += 1
            except expected as error:
                told["error"] = {"class": type(error).__name__, "message": str(error), "body": error.body}
                return
            raise AssertionError(f"{name}: no {expected.__name__}, it ended after {told['pieces']} pieces")

    def finish(self, **more):
        self._provider.shutdown()
        print(json.dumps({"requests": self._told, **more}))
