"""A stand-in for the two providers, since no model can be called here: OpenAI's chat completions and responses, Anthropic's
messages.

usage: stand_in_model.py PORT

It has no intelligence: what it answers follows from what it is asked, so that a test knows the answer and sees whether the
whole question arrived. It repeats the last user message (in capitals where the system prompt asks for capitals), calls the
first tool with the message's last word, and repeats a tool's result. Tokens are counted in words. A model's name may stand
for an error: before the answer, or in the midst of a stream (`sick` tells of it, `torn` just hangs up). GET /asked tells,
and forgets, every request as it came.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What a model of that name answers: status, headers, OpenAI's type and code, Anthropic's type.
ERRORS = {
    "limited": (429, {"Retry-After": "60"}, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"),
    "broken": (503, {}, "server_error", None, "api_error"),
    "sick": (529, {}, "server_error", "overloaded", "overloaded_error"),
    "picky": (400, {}, "invalid_request_error", "unsupported_value", "invalid_request_error"),
}
asked = []
lock = threading.Lock()


def text_of(content):
    """The text of a message's content, tool results included."""
    if isinstance(content, str):
        return content
    texts = [text_of(part.get("text") or part.get("content")) for part in content or [] if isinstance(part, dict)]
    return " ".join(text for text in texts if text)


def words(text):
    return len(text.split())


def think(body):
    """The answer to a body of any API: the text, the tool call and the tokens of question and answer."""
    messages = list(body["messages"]) if "messages" in body else Responses.messages(body)
    system = text_of(body.get("system") or body.get("instructions"))
    instructions = [one for one in messages if one["role"] in ("system", "developer")]
    system += " ".join(text_of(one["content"]) for one in instructions)
    last = messages[-1]
    blocks = last["content"] if isinstance(last["content"], list) else []
    is_result = last["role"] == "tool" or any(block.get("type") == "tool_result" for block in blocks)
    said, call = text_of(last["content"]), None
    if is_result:
        text = f"The tool says: {said}"
    elif body.get("tools"):
        tool = body["tools"][0]
        function = tool.get("function", tool)
        schema = function.get("parameters") or function.get("input_schema")
        argument = next(iter(schema["properties"]))
        text, call = "", (function["name"], {argument: said.split()[-1]})
    else:
        text = f"You said: {said}"
    if "capitals" in system:
        text = text.upper()
    prompt = words(system) + sum(words(text_of(one.get("content"))) for one in messages if one not in instructions)
    return text, call, (prompt, words(text or json.dumps(call)))


def pieces(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


class Chat:
    """OpenAI's chat completions."""

    error_event = ""

    @staticmethod
    def whole(body, text, call, usage):
        message = {"role": "assistant", "content": text or None, "refusal": None}
        if call:
            function = {"name": call[0], "arguments": json.dumps(call[1])}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        reason = "tool_calls" if call else "stop"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return Chat.frame(body, "chat.completion", [choice]) | {"usage": Chat.usage(usage)}

    @staticmethod
    def frame(body, kind, choices):
        return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"] + "-2026", "choices": choices}

    @staticmethod
    def usage(usage):
        return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}

    @staticmethod
    def events(body, text, call, usage):
        deltas = [{"role": "assistant", "content": None if call else "", "refusal": None}]
        deltas += [{"content": piece} for piece in pieces(text, 7)]
        if call:
            start = {"index": 0, "id": "call_1", "type": "function", "function": {"name": call[0], "arguments": ""}}
            deltas.append({"tool_calls": [start]})
            for piece in pieces(json.dumps(call[1]), 5):
                deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        ends = [(delta, None) for delta in deltas] + [({}, "tool_calls" if call else "stop")]
        want_usage = (body.get("stream_options") or {}).get("include_usage")
        for delta, reason in ends:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
            chunk = Chat.frame(body, "chat.completion.chunk", [choice])
            yield "", chunk | ({"usage": None} if want_usage else {})
        if want_usage:
            yield "", Chat.frame(body, "chat.completion.chunk", []) | {"usage": Chat.usage(usage)}
        yield "", "[DONE]"

    @staticmethod
    def error(message, openai_type, code, _anthropic_type):
        return {"error": {"message": message, "type": openai_type, "param": "model", "code": code}}


class Messages:
    """Anthropic's messages."""

    error_event = "error"

    @staticmethod
    def whole(body, text, call, usage):
        content = [{"type": "text", "text": text}] if text else []
        if call:
            content.append({"type": "tool_use", "id": "toolu_1", "name": call[0], "input": call[1]})
        end = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
        return Messages.frame(body, content) | end | {"usage": {"input_tokens": usage[0], "output_tokens": usage[1]}}

    @staticmethod
    def frame(body, content):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"] + "-2026", "content": content}

    @staticmethod
    def events(body, text, call, usage):
        def event(name, **fields):
            return name, {"type": name} | fields

        start = {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": usage[0], "output_tokens": 1}}
        yield event("message_start", message=Messages.frame(body, []) | start)
        block = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(text, 7)]
        if call:
            block = {"type": "tool_use", "id": "toolu_1", "name": call[0], "input": {}}
            parts = pieces(json.dumps(call[1]), 5)
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in parts]
        yield event("content_block_start", index=0, content_block=block)
        yield event("ping")
        for delta in deltas:
            yield event("content_block_delta", index=0, delta=delta)
        yield event("content_block_stop", index=0)
        end = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
        yield event("message_delta", delta=end, usage={"output_tokens": usage[1]})
        yield event("message_stop")

    @staticmethod
    def error(message, _openai_type, _code, anthropic_type):
        return {"type": "error", "error": {"type": anthropic_type, "message": message}}


class Responses:
    """OpenAI's responses. What was said before is not known here: `previous_response_id` is only told by GET /asked."""

    error_event = "error"

    @staticmethod
    def messages(body):
        if isinstance(body["input"], str):
            return [{"role": "user", "content": body["input"]}]
        results = {"function_call_output": "tool"}
        return [
            {"role": results.get(item.get("type")) or item["role"], "content": item.get("output") or item.get("content")}
            for item in body["input"]
        ]

    @staticmethod
    def whole(body, text, call, usage):
        item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
        item["content"] = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
        if call:
            item = {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "call_1"}
            item |= {"name": call[0], "arguments": json.dumps(call[1])}
        tokens = {"input_tokens": usage[0], "output_tokens": usage[1], "total_tokens": sum(usage)}
        tokens |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        return Responses.frame(body, "completed") | {"output": [item], "usage": tokens}

    @staticmethod
    def frame(body, status):
        frame = {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": body["model"] + "-2026"}
        frame |= {"error": None, "incomplete_details": None, "output": [], "usage": None, "parallel_tool_calls": True}
        return frame | {"tools": body.get("tools") or [], "tool_choice": "auto", "instructions": body.get("instructions")}

    @staticmethod
    def events(body, text, call, usage):
        numbers = iter(range(10_000))

        def event(kind, **fields):
            return kind, {"type": kind, "sequence_number": next(numbers)} | fields

        whole = Responses.whole(body, text, call, usage)
        (item,) = whole["output"]
        place = {"item_id": item["id"], "output_index": 0}
        yield event("response.created", response=Responses.frame(body, "in_progress"))
        yield event("response.in_progress", response=Responses.frame(body, "in_progress"))
        begun = {"arguments": ""} if call else {"content": []}
        yield event("response.output_item.added", output_index=0, item=item | begun | {"status": "in_progress"})
        if call:
            for piece in pieces(item["arguments"], 5):
                yield event("response.function_call_arguments.delta", **place, delta=piece)
            whole_call = {"name": item["name"], "arguments": item["arguments"]}
            yield event("response.function_call_arguments.done", **place, **whole_call)
        else:
            (part,) = item["content"]
            place["content_index"] = 0
            yield event("response.content_part.added", **place, part=part | {"text": ""})
            for piece in pieces(text, 7):
                yield event("response.output_text.delta", **place, delta=piece, logprobs=[])
            yield event("response.output_text.done", **place, text=text, logprobs=[])
            yield event("response.content_part.done", **place, part=part)
        yield event("response.output_item.done", output_index=0, item=item)
        yield event("response.completed", response=whole)

    @staticmethod
    def error(message, openai_type, code, _anthropic_type):
        return Chat.error(message, openai_type, code, _anthropic_type)


APIS = {"/v1/chat/completions": Chat, "/v1/messages": Messages, "/v1/responses": Responses}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        with lock:
            told = list(asked)
            asked.clear()
        self.answer(200, told)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            asked.append({"path": self.path, "headers": self.headers.items(), "body": body})
        api = APIS.get(self.path)
        if api is None:
            return self.answer(404, {"error": {"message": f"the stand-in has no {self.path}"}})
        model, streams = body["model"], body.get("stream")
        if model in ERRORS and not (streams and model == "sick"):
            status, headers, *kinds = ERRORS[model]
            return self.answer(status, api.error(f"the model {model} says no", *kinds), headers)
        text, call, usage = think(body)
        if not streams:
            return self.answer(200, api.whole(body, text, call, usage))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, (name, data) in enumerate(api.events(body, text, call, usage)):
            if number == 4 and model == "sick":
                _status, _headers, *kinds = ERRORS[model]
                return self.event(api.error_event, api.error("the model sick gives up", *kinds), last=True)
            if number == 4 and model == "torn":
                self.close_connection = True
                return None
            self.event(name, data)
            time.sleep(0.002)  # so that the events come one by one
        self.wfile.write(b"0\r\n\r\n")

    def event(self, name, data, last=False):
        event = f"event: {name}\n" if name else ""
        event += f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"
        self.wfile.write(f"{len(event.encode()):x}\r\n{event}\r\n".encode() + (b"0\r\n\r\n" if last else b""))
        self.wfile.flush()

    def answer(self, status, tree, headers=None):
        body = json.dumps(tree).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
