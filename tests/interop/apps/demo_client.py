"""Asks `planoai demo --serve` with the real SDKs: usage demo_client.py PORT. Prints what they got, as JSON."""

import json
import sys

from anthropic import Anthropic
from openai import APIStatusError, OpenAI

PORT = sys.argv[1]
MODELS = ("stand-in/chat", "stand-in-anthropic/chat")
QUESTION = [{"role": "user", "content": "How far is it to Zanzibar?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def with_openai(client, model):
    whole = client.chat.completions.create(model=model, messages=QUESTION)
    stream = client.chat.completions.create(model=model, messages=QUESTION, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    tools = [{"type": "function", "function": {"name": "distance", "parameters": SCHEMA}}]
    called = client.chat.completions.create(model=model, messages=QUESTION, tools=tools).choices[0]
    call = called.message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "7,000 km"}
    history = [*QUESTION, called.message.model_dump(exclude_none=True), result]
    done = client.chat.completions.create(model=model, messages=history, tools=tools)
    return {
        "whole": whole.choices[0].message.content,
        "tokens": [whole.usage.prompt_tokens, whole.usage.completion_tokens],
        "streamed": streamed,
        "call": [call.function.name, json.loads(call.function.arguments), called.finish_reason],
        "after the tool": done.choices[0].message.content,
    }


def with_anthropic(client, model):
    asked = {"model": model, "max_tokens": 100, "messages": QUESTION}
    whole = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        streamed = "".join(stream.text_stream)
        usage = stream.get_final_message().usage
    tools = [{"name": "distance", "input_schema": SCHEMA}]
    with client.messages.stream(**asked, tools=tools) as stream:
        called = stream.get_final_message()
    call = next(block for block in called.content if block.type == "tool_use")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "7,000 km"}]}
    history = [*QUESTION, {"role": "assistant", "content": [call.model_dump()]}, result]
    done = client.messages.create(**{**asked, "messages": history}, tools=tools)
    return {
        "whole": whole.content[0].text,
        "tokens": [usage.input_tokens, usage.output_tokens],
        "streamed": streamed,
        "call": [call.name, call.input, called.stop_reason],
        "after the tool": done.content[0].text,
    }


def main():
    openai = OpenAI(base_url=f"http://127.0.0.1:{PORT}/v1", api_key="any", max_retries=0)
    anthropic = Anthropic(base_url=f"http://127.0.0.1:{PORT}", api_key="any", max_retries=0)
    found = {f"openai {model}": with_openai(openai, model) for model in MODELS}
    found |= {f"anthropic {model}": with_anthropic(anthropic, model) for model in MODELS}
    try:
        openai.chat.completions.create(model="stand-in/error-503", messages=QUESTION)
    except APIStatusError as error:
        found["refused"] = [type(error).__name__, error.status_code]
    print(json.dumps(found))


main()
