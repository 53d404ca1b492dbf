"""A user of OpenAI's Python SDK whose calls are recorded by somebody else's instrumentation.

usage: instrumented_client.py langtrace|openllmetry|openinference MODEL_URL OTLP_HTTP_PORT KEY

Asks the same of the model under each: a conversation that goes well, one that is answered in pieces, one that ends in anger, and a
tool's round. Tells the trace of each.
"""

import json
import os
import sys

KIND, URL, PORT, KEY = sys.argv[1:]
ENDPOINT = f"http://127.0.0.1:{PORT}"


def langtrace():
    # Before the model's module is imported, as its documentation wants it. It speaks on stdout; errors are not to be reported.
    os.environ |= {"LANGTRACE_API_HOST": ENDPOINT, "LANGTRACE_ERROR_REPORTING": "False"}
    from langtrace_python_sdk import langtrace as sdk

    sdk.init(api_key="key-of-langtrace", service_name="an-app", disable_logging=True)


def provider():
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = TracerProvider(resource=Resource.create({"service.name": "an-app"}))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{ENDPOINT}/v1/traces")))
    trace.set_tracer_provider(made)
    return made


def openllmetry():
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider())


def openinference():
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider())


{"langtrace": langtrace, "openllmetry": openllmetry, "openinference": openinference}[KIND]()

import openai  # noqa: E402 - after the instrumentation, as the SDKs want it
from opentelemetry import trace  # noqa: E402

QUESTION = {"role": "user", "content": "How far is it from Berlin to Zanzibar"}
ANGRY = [
    {"role": "user", "content": "Where is my parcel?"},
    {"role": "assistant", "content": "It is on its way."},
    {"role": "user", "content": "You said that last week. This is useless, I want to speak to a human!"},
]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def main():
    client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)
    tracer = trace.get_tracer("an-app")
    traces = {}

    def ask(name, **asks):
        with tracer.start_as_current_span(name) as span:
            traces[name] = f"{span.get_span_context().trace_id:032x}"
            reply = client.chat.completions.create(model="gpt-4o", **asks)
            return list(reply) if asks.get("stream") else reply

    ask("good", messages=[{"role": "system", "content": "Be brief."}, QUESTION, *thanks()])
    if KIND != "langtrace":  # which counts the tokens of a stream by a table that it fetches from the internet
        ask("streamed", messages=[QUESTION], stream=True)
    ask("angry", messages=ANGRY)
    asked = [{"role": "user", "content": "What is the weather in Zanzibar"}]
    message = ask("tool call", messages=asked, tools=[TOOL]).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny, with penguins"}
    ask("tool result", messages=[*asked, message.model_dump(exclude_none=True), result], tools=[TOOL])
    trace.get_tracer_provider().shutdown()
    print(json.dumps({"traces": traces}), file=sys.__stdout__)


def thanks():
    return [
        {"role": "assistant", "content": "About 6,900 kilometres."},
        {"role": "user", "content": "Thanks, that is exactly what I needed!"},
    ]


main()
