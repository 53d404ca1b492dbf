"""The service that W3C's test suite asks to call it back, with the gateway between its two halves.

usage: trace_context_service.py SERVICE_PORT PROVIDER_PORT GATEWAY_PORT

The first half takes the suite's request and asks the gateway for the model `custom/suite`, with the suite's header lines as
they came, once for each address that is to be called. The gateway believes the second half to be the provider: it calls the
address with the trace context that reached it.
"""

import http.client
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

SERVICE, PROVIDER, GATEWAY = map(int, sys.argv[1:])
MESSAGE = {"role": "assistant", "content": "called"}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "suite",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Service(StreamRequestHandler):
    """On bytes, so that no HTTP library tidies the lines up."""

    def handle(self):
        lines = []
        while (line := self.rfile.readline()).strip():
            lines.append(line)
        (length,) = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")]
        through = [line for line in lines[1:] if line.lower().startswith(b"trace")]
        for call in json.loads(self.rfile.read(length)):
            self.ask(through, call)
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n")
        self.wfile.write(b"connection: close\r\n\r\n[]")

    def ask(self, lines, call):
        question = {"model": "custom/suite", "messages": [{"role": "user", "content": json.dumps(call)}]}
        body = json.dumps(question).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n"
        head += b"content-length: %d\r\n%s\r\n" % (len(body), b"".join(lines))
        with socket.create_connection(("127.0.0.1", GATEWAY), timeout=5) as connection:
            connection.sendall(head + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200"), answer


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = json.loads(question["messages"][-1]["content"])
        address, body = urlsplit(call["url"]), json.dumps(call["arguments"]).encode()
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
        connection.putrequest("POST", address.path)
        for name, value in self.headers.items():
            if name.lower() in ("traceparent", "tracestate"):
                connection.putheader(name, value)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        connection.getresponse().read()
        connection.close()
        answer = json.dumps(COMPLETION).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


ThreadingTCPServer.allow_reuse_address = True
provider = ThreadingHTTPServer(("127.0.0.1", PROVIDER), Provider)
threading.Thread(target=provider.serve_forever, daemon=True).start()
ThreadingTCPServer(("127.0.0.1", SERVICE), Service).serve_forever()
