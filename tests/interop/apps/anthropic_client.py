"""A user of Anthropic's Python SDK: everything it does with messages, asked of a model of either provider.

usage: anthropic_client.py PORT KEYED_PORT OTLP_PORT KEY LISTENER_KEY
"""

import asyncio
import sys

import anthropic
from recorder import ANGRY, CAPITALS, QUESTION, TOOL_QUESTION, TOOL_RESULT, Recorder

MODELS = ["claude-sonnet-4-0", "gpt-4o"]
MESSAGES = [{"role": "user", "content": QUESTION}]
ASKS = {"max_tokens": 100, "system": CAPITALS, "messages": MESSAGES}
TOOL = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def said(message):
    text = "".join(block.text for block in message.content if block.type == "text")
    return {"text": text, "finish": message.stop_reason, "usage": tokens(message.usage)}


def tokens(usage):
    return [usage.input_tokens, usage.output_tokens]


def whole(client, recorder, model):
    with recorder.request(f"whole {model}", model=model) as (told, headers):
        raw = client.messages.with_raw_response.create(model=model, **ASKS, extra_headers=headers)
        assert raw.headers["x-request-id"] == told["request_id"], raw.headers
        message = raw.parse()
        told |= said(message) | {"object": message.type, "answered_by": message.model}
    blocks = [{"type": "text", "text": CAPITALS}]
    with recorder.request(f"system in blocks {model}", model=model) as (told, headers):
        told |= said(client.messages.create(model=model, **ASKS | {"system": blocks}, extra_headers=headers))


def streamed(client, recorder, model):
    with recorder.request(f"stream {model}", model=model, stream=True) as (told, headers):
        with client.messages.stream(model=model, **ASKS, extra_headers=headers) as stream:
            pieces = list(stream.text_stream)
            told |= said(stream.get_final_message())
            told |= {"streamed": "".join(pieces), "chunks": len(pieces)}
    with recorder.request(f"raw stream {model}", model=model, stream=True) as (told, headers):
        events = list(client.messages.create(model=model, stream=True, **ASKS, extra_headers=headers))
        deltas = [event.delta.text for event in events if event.type == "content_block_delta"]
        told |= {"events": [event.type for event in events], "text": "".join(deltas)}
        told["finish"] = [event.delta.stop_reason for event in events if event.type == "message_delta"][-1]
        told["usage"] = whole_usage(events)


def whole_usage(events):
    """What a client adds up: the start's counts, overwritten by those of the end."""
    start = next(event.message.usage for event in events if event.type == "message_start")
    end = [event.usage for event in events if event.type == "message_delta"][-1]
    return [end.input_tokens or start.input_tokens, end.output_tokens]


def tool_round(client, recorder, model):
    messages = [{"role": "user", "content": TOOL_QUESTION}]
    asks = {"model": model, "max_tokens": 100, "tools": [TOOL]}
    facts = {"model": model, "tools": ["get_weather"]}
    with recorder.request(f"tool call {model}", **facts) as (told, headers):
        message = client.messages.create(messages=messages, **asks, extra_headers=headers)
        told |= said(message) | call(message)
    result = {"type": "tool_result", "tool_use_id": call(message)["id"], "content": TOOL_RESULT}
    messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    with recorder.request(f"tool result {model}", **facts) as (told, headers):
        told |= said(client.messages.create(messages=messages, **asks, extra_headers=headers))
    with recorder.request(f"streamed tool call {model}", stream=True, **facts) as (told, headers):
        with client.messages.stream(messages=messages[:1], **asks, extra_headers=headers) as stream:
            parts = [event.partial_json for event in stream if event.type == "input_json"]
            message = stream.get_final_message()
        told |= said(message) | call(message) | {"parts": len([part for part in parts if part])}


def call(message):
    (only,) = [block for block in message.content if block.type == "tool_use"]
    assert only.id, only
    return {"call": only.name, "arguments": only.input, "id": only.id}


def angry(client, recorder, model):
    with recorder.request(f"angry {model}", model=model) as (told, headers):
        messages = [{"role": "user", "content": ANGRY}]
        told |= said(client.messages.create(model=model, max_tokens=100, messages=messages, extra_headers=headers))


def left(client, recorder, model, provider):
    """A stream that is closed after its third event, long before its end."""
    with recorder.request(f"left {provider}", model=model, stream=True) as (_told, headers):
        messages = [{"role": "user", "content": QUESTION * 100}]
        asks = {"max_tokens": 100, "messages": messages, "stream": True}
        stream = client.messages.create(model=model, **asks, extra_headers=headers)
        for _ in range(3):
            next(stream)
        stream.close()


def session_in_body(client, recorder, model):
    with recorder.request(f"session in the body {model}", model=model, session="user-7") as (told, headers):
        del headers["x-session-id"]
        asks = ASKS | {"metadata": {"user_id": "user-7"}}
        told |= said(client.messages.create(model=model, **asks, extra_headers=headers))


async def many(port, key, recorder):
    """Requests of the asynchronous client, all at once."""
    async with anthropic.AsyncAnthropic(base_url=f"http://127.0.0.1:{port}", api_key=key, max_retries=0) as client:

        async def one(model):
            with recorder.request(f"async {model}", model=model) as (told, headers):
                told |= said(await client.messages.create(model=model, **ASKS, extra_headers=headers))
            with recorder.request(f"async stream {model}", model=model, stream=True) as (told, headers):
                async with client.messages.stream(model=model, **ASKS, extra_headers=headers) as stream:
                    pieces = [piece async for piece in stream.text_stream]
                    told |= said(await stream.get_final_message())
                    told |= {"streamed": "".join(pieces), "chunks": len(pieces)}

        await asyncio.gather(*(one(model) for model in MODELS))


def stream_of(client):
    def ask(model, headers):
        return client.messages.create(model=model, **ASKS, stream=True, extra_headers=headers)

    return ask


def listing(client):
    return lambda headers: client.models.list(extra_headers=headers)


def errors(client, keyed, recorder):
    def asking(model, who=client):
        return lambda headers: who.messages.create(model=model, **ASKS, extra_headers=headers)

    recorder.error("unknown model", anthropic.NotFoundError, asking("claude-sonnet-4-1"))
    recorder.error("no model", anthropic.BadRequestError, asking(""))
    wrong = keyed.with_options(api_key="a-wrong-key")
    recorder.error("wrong key", anthropic.AuthenticationError, asking("gpt-4o", wrong))
    recorder.error("models for a wrong key", anthropic.AuthenticationError, listing(wrong))
    for provider in ("openai", "anthropic"):
        recorder.error(f"picky {provider}", anthropic.BadRequestError, asking(f"{provider}/picky"))
        recorder.error(f"limited {provider}", anthropic.RateLimitError, asking(f"{provider}/limited"))
    recorder.error("broken", anthropic.InternalServerError, asking("openai/broken"))
    recorder.error("nobody", anthropic.APIStatusError, asking("custom/nobody"))
    for provider in ("openai", "anthropic"):
        for model in ("sick", "torn"):
            recorder.broken_off(provider, model, anthropic.APIError, stream_of(client))
    with recorder.request("right key", model="claude-sonnet-4-0") as (told, headers):
        told |= said(asking("claude-sonnet-4-0", keyed)(headers))


def main():
    port, keyed_port, viewer, key, listener_key = sys.argv[1:]
    recorder = Recorder(viewer)
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{port}", api_key=key, max_retries=0)
    keyed = anthropic.Anthropic(base_url=f"http://127.0.0.1:{keyed_port}", api_key=listener_key, max_retries=0)
    for model in MODELS:
        whole(client, recorder, model)
        streamed(client, recorder, model)
        tool_round(client, recorder, model)
        angry(client, recorder, model)
        session_in_body(client, recorder, model)
    left(client, recorder, "gpt-4o", "openai")
    left(client, recorder, "claude-sonnet-4-0", "anthropic")
    asyncio.run(many(port, key, recorder))
    errors(client, keyed, recorder)
    with recorder.request("models") as (told, headers):
        told["models"] = [model.id for model in listing(client)(headers)]
    recorder.finish()


main()
