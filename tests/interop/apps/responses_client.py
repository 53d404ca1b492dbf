"""A user of OpenAI's Python SDK: everything it does with responses, asked of a provider that has them and of two that have not.

usage: responses_client.py PORT KEYED_PORT OTLP_PORT KEY LISTENER_KEY
"""

import json
import sys

import openai
from recorder import ANGRY, CAPITALS, QUESTION, TOOL_QUESTION, TOOL_RESULT, Recorder

MODELS = ["gpt-4o", "claude-sonnet-4-0", "plain"]
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def tokens(usage):
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
    return [usage.input_tokens, usage.output_tokens]


def facts(reply):
    return {"text": reply.output_text, "status": reply.status, "usage": tokens(reply.usage), "id": reply.id}


def whole(client, recorder, model):
    with recorder.request(f"whole {model}", model=model) as (told, headers):
        reply = client.responses.create(
            model=model, instructions=CAPITALS, input=QUESTION, temperature=0.2, max_output_tokens=100, extra_headers=headers
        )
        assert reply._request_id == told["request_id"], reply._request_id
        told |= facts(reply) | {"object": reply.object, "answered_by": reply.model}
    return reply.id


def streamed(client, recorder, model):
    asks = {"instructions": CAPITALS, "input": [{"role": "user", "content": QUESTION}]}
    with recorder.request(f"stream {model}", model=model, stream=True) as (told, headers):
        events = list(client.responses.create(model=model, stream=True, **asks, extra_headers=headers))
        told["events"] = [event.type for event in events]
        told["numbers"] = [event.sequence_number for event in events]
        told["deltas"] = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        told |= facts(events[-1].response)
    with recorder.request(f"collected stream {model}", model=model, stream=True) as (told, headers):
        with client.responses.stream(model=model, **asks, extra_headers=headers) as stream:
            for _event in stream:
                pass
            told |= facts(stream.get_final_response())
    return told["id"]


def going_on(client, recorder, name, model, previous):
    with recorder.request(f"{name} {model}", model=model) as (told, headers):
        asks = {"input": "And to the penguins", "previous_response_id": previous}
        reply = client.responses.create(model=model, **asks, extra_headers=headers)
        told |= facts(reply) | {"previous": reply.previous_response_id, "asked_previous": previous}


def tool_round(client, recorder, model):
    named = {"model": model, "tools": ["get_weather"]}
    with recorder.request(f"tool call {model}", **named) as (told, headers):
        reply = client.responses.create(model=model, input=TOOL_QUESTION, tools=[TOOL], extra_headers=headers)
        told |= call(reply.output) | facts(reply)
    result = {"type": "function_call_output", "call_id": told["call_id"], "output": TOOL_RESULT}
    with recorder.request(f"tool result {model}", **named) as (told, headers):
        asks = {"input": [result], "previous_response_id": reply.id, "tools": [TOOL]}
        told |= facts(client.responses.create(model=model, **asks, extra_headers=headers))
    with recorder.request(f"streamed tool call {model}", stream=True, **named) as (told, headers):
        with client.responses.stream(model=model, input=TOOL_QUESTION, tools=[TOOL], extra_headers=headers) as stream:
            for _event in stream:
                pass
            reply = stream.get_final_response()
        told |= call(reply.output) | facts(reply)


def call(output):
    (only,) = output
    assert only.type == "function_call", only
    return {"call": only.name, "call_id": only.call_id, "arguments": json.loads(only.arguments)}


def angry(client, recorder, model):
    with recorder.request(f"angry {model}", model=model) as (told, headers):
        told |= facts(client.responses.create(model=model, input=ANGRY, store=False, extra_headers=headers))
    return told["id"]


def broken_off(client, recorder, model):
    """The SDK raises for none of these errors: they are events."""
    with recorder.request(f"torn {model}") as (told, headers):
        events = client.responses.create(model=model, input=QUESTION, stream=True, extra_headers=headers)
        told["events"] = [(event.type, getattr(event, "message", None)) for event in events]


def errors(client, recorder, forgotten):
    def asking(**asks):
        return lambda headers: client.responses.create(**asks, extra_headers=headers)

    recorder.error("unknown model", openai.NotFoundError, asking(model="gpt-4p", input=QUESTION))
    recorder.error("no input", openai.BadRequestError, asking(model="gpt-4o"))
    built_in = [{"type": "web_search"}]
    recorder.error("web search", openai.BadRequestError, asking(model="plain", input=QUESTION, tools=built_in))
    unknown = asking(model="plain", input=QUESTION, previous_response_id=forgotten)
    recorder.error("forgotten", openai.BadRequestError, unknown)
    recorder.error("limited", openai.RateLimitError, asking(model="anthropic/limited", input=QUESTION))


def main():
    port, _keyed_port, viewer, key, _listener_key = sys.argv[1:]
    recorder = Recorder(viewer)
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key, max_retries=0)
    for model in MODELS:
        going_on(client, recorder, "after the answer", model, whole(client, recorder, model))
        going_on(client, recorder, "after the stream", model, streamed(client, recorder, model))
        tool_round(client, recorder, model)
        forgotten = angry(client, recorder, model)
    for provider in ("openai", "anthropic"):
        broken_off(client, recorder, f"{provider}/torn")
    errors(client, recorder, forgotten)
    recorder.finish()


main()
