"""A user of OpenAI's Python SDK: everything it does with chat completions, asked of a model of either provider.

usage: openai_client.py PORT KEYED_PORT OTLP_PORT KEY LISTENER_KEY
"""

import asyncio
import json
import sys

import openai
from recorder import ANGRY, CAPITALS, QUESTION, TOOL_QUESTION, TOOL_RESULT, Recorder

MODELS = ["gpt-4o", "claude-sonnet-4-0"]
MESSAGES = [{"role": "system", "content": CAPITALS}, {"role": "user", "content": QUESTION}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def tokens(usage):
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    return [usage.prompt_tokens, usage.completion_tokens]


def whole(client, recorder, model):
    with recorder.request(f"whole {model}", model=model) as (told, headers):
        reply = client.chat.completions.create(
            model=model, messages=MESSAGES, temperature=0.2, max_tokens=100, extra_headers=headers
        )
        assert reply._request_id == told["request_id"], reply._request_id
        choice = reply.choices[0]
        told |= {"text": choice.message.content, "finish": choice.finish_reason, "usage": tokens(reply.usage)}
        told |= {"object": reply.object, "answered_by": reply.model}
    return told["usage"]


def streamed(client, recorder, model, usage):
    """Without usage asked for, no chunk may speak of it; with it, the last one does."""
    with recorder.request(f"stream {model}", model=model, stream=True, usage=usage) as (told, headers):
        chunks = list(client.chat.completions.create(model=model, messages=MESSAGES, stream=True, extra_headers=headers))
        told |= collected(chunks)
    asks = {"stream": True, "stream_options": {"include_usage": True}}
    with recorder.request(f"stream with usage {model}", model=model, stream=True) as (told, headers):
        chunks = list(client.chat.completions.create(model=model, messages=MESSAGES, **asks, extra_headers=headers))
        told |= collected(chunks[:-1])
        assert chunks[-1].choices == [], chunks[-1]
        told["usage"] = tokens(chunks[-1].usage)


def collected(chunks):
    return {
        "text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        "finish": [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1],
        "chunks": len(chunks),
        "empty": sum(not chunk.choices for chunk in chunks),
        "with_usage": sum(chunk.usage is not None for chunk in chunks),
    }


def tool_round(client, recorder, model):
    messages = [{"role": "user", "content": TOOL_QUESTION}]
    facts = {"model": model, "tools": ["get_weather"]}
    with recorder.request(f"tool call {model}", **facts) as (told, headers):
        reply = client.chat.completions.create(model=model, messages=messages, tools=[TOOL], extra_headers=headers)
        message = reply.choices[0].message
        told |= call(message.tool_calls) | {"finish": reply.choices[0].finish_reason, "usage": tokens(reply.usage)}
    messages += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": TOOL_RESULT}]
    with recorder.request(f"tool result {model}", **facts) as (told, headers):
        reply = client.chat.completions.create(model=model, messages=messages, tools=[TOOL], extra_headers=headers)
        told |= {"text": reply.choices[0].message.content, "usage": tokens(reply.usage)}
    asks = {"messages": messages[:1], "tools": [TOOL], "stream_options": {"include_usage": True}}
    with recorder.request(f"streamed tool call {model}", stream=True, **facts) as (told, headers):
        with client.chat.completions.stream(model=model, **asks, extra_headers=headers) as stream:
            told["events"] = sorted({event.type for event in stream})
            reply = stream.get_final_completion()
        told |= call(reply.choices[0].message.tool_calls)
        told |= {"finish": reply.choices[0].finish_reason, "usage": tokens(reply.usage)}


def call(calls):
    (only,) = calls
    assert only.id and only.type == "function", only
    return {"call": only.function.name, "arguments": json.loads(only.function.arguments)}


def angry(client, recorder, model):
    with recorder.request(f"angry {model}", model=model) as (told, headers):
        messages = [{"role": "user", "content": ANGRY}]
        reply = client.chat.completions.create(model=model, messages=messages, extra_headers=headers)
        told["usage"] = tokens(reply.usage)


def left(client, recorder, model, provider):
    """A stream that is closed after its third chunk, long before its end."""
    with recorder.request(f"left {provider}", model=model, stream=True) as (_told, headers):
        messages = [{"role": "user", "content": QUESTION * 100}]
        stream = client.chat.completions.create(model=model, messages=messages, stream=True, extra_headers=headers)
        for _ in range(3):
            next(stream)
        stream.close()


def session_in_body(client, recorder, model):
    with recorder.request(f"session in the body {model}", model=model, session="session-7") as (told, headers):
        del headers["x-session-id"]
        asks = {"messages": MESSAGES, "metadata": {"session_id": "session-7"}}
        reply = client.chat.completions.create(model=model, **asks, extra_headers=headers)
        told["usage"] = tokens(reply.usage)


async def many(port, key, recorder):
    """Requests of the asynchronous client, all at once."""
    async with openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key, max_retries=0) as client:

        async def one(model):
            with recorder.request(f"async {model}", model=model) as (told, headers):
                reply = await client.chat.completions.create(model=model, messages=MESSAGES, extra_headers=headers)
                told |= {"text": reply.choices[0].message.content, "usage": tokens(reply.usage)}
            asks = {"stream": True, "stream_options": {"include_usage": True}}
            with recorder.request(f"async stream {model}", model=model, stream=True) as (told, headers):
                stream = await client.chat.completions.create(
                    model=model, messages=MESSAGES, **asks, extra_headers=headers
                )
                chunks = [chunk async for chunk in stream]
                told |= collected(chunks[:-1]) | {"usage": tokens(chunks[-1].usage)}

        await asyncio.gather(*(one(model) for model in MODELS))


def stream_of(client):
    def ask(model, headers):
        return client.chat.completions.create(model=model, messages=MESSAGES, stream=True, extra_headers=headers)

    return ask


def listing(client):
    return lambda headers: client.models.list(extra_headers=headers)


def errors(client, keyed, recorder):
    def asking(model, who=client):
        return lambda headers: who.chat.completions.create(model=model, messages=MESSAGES, extra_headers=headers)

    recorder.error("unknown model", openai.NotFoundError, asking("gpt-4p"))
    recorder.error("no model", openai.BadRequestError, asking(""))
    wrong = keyed.with_options(api_key="a-wrong-key")
    recorder.error("wrong key", openai.AuthenticationError, asking("gpt-4o", wrong))
    recorder.error("models for a wrong key", openai.AuthenticationError, listing(wrong))
    for provider in ("openai", "anthropic"):
        recorder.error(f"picky {provider}", openai.BadRequestError, asking(f"{provider}/picky"))
        recorder.error(f"limited {provider}", openai.RateLimitError, asking(f"{provider}/limited"))
    recorder.error("broken", openai.InternalServerError, asking("openai/broken"))
    recorder.error("nobody", openai.APIStatusError, asking("custom/nobody"))
    for provider in ("openai", "anthropic"):
        for model in ("sick", "torn"):
            recorder.broken_off(provider, model, openai.APIError, stream_of(client))
    with recorder.request("right key", model="gpt-4o") as (told, headers):
        told["usage"] = tokens(asking("gpt-4o", keyed)(headers).usage)


def main():
    port, keyed_port, viewer, key, listener_key = sys.argv[1:]
    recorder = Recorder(viewer)
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key, max_retries=0)
    keyed = openai.OpenAI(base_url=f"http://127.0.0.1:{keyed_port}/v1", api_key=listener_key, max_retries=0)
    for model in MODELS:
        usage = whole(client, recorder, model)
        streamed(client, recorder, model, usage)
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
