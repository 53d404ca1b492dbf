"""An MCP server whose tools are filters of the gateway, made with the official Python SDK, of either major version.

usage: mcp_filter.py PORT [json] [stateless]

`rewrite` puts other words in the place of names, `guard` refuses, `nothing` finds nothing to change, `text` gives the body as
text, `events` looks at a stream's events. `GET /asked` tells what the tools were called with since the last call.
"""

import json
import sys

from starlette.responses import JSONResponse

try:
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    def make(name, port, **options):
        server = MCPServer(name)
        return server, lambda: server.run("streamable-http", host="127.0.0.1", port=port, **options)

except ModuleNotFoundError:
    from mcp.server.fastmcp import Context, FastMCP
    from mcp.server.fastmcp.exceptions import ToolError

    def make(name, port, **options):
        server = FastMCP(name, host="127.0.0.1", port=port, **options)
        return server, lambda: server.run("streamable-http")


PORT, OPTIONS = int(sys.argv[1]), sys.argv[2:]
server, run = make("filters", PORT, json_response="json" in OPTIONS, stateless_http="stateless" in OPTIONS)
asked = []


def note(tool, body, path, ctx):
    headers = dict(ctx.request_context.request.headers)
    asked.append({"tool": tool, "body": body, "path": path, "headers": headers})


def said(body):
    return json.dumps(body, ensure_ascii=False)


@server.tool()
def rewrite(body: dict, path: str, ctx: Context) -> dict:
    note("rewrite", body, path, ctx)
    return json.loads(said(body).replace("Zanzibar", "Timbuktu"))


@server.tool()
def guard(body: dict, path: str, ctx: Context) -> dict:
    note("guard", body, path, ctx)
    if "penguin" in said(body):
        raise ToolError("no birds, please")
    return body


@server.tool()
def nothing(body: dict, path: str, ctx: Context) -> None:
    note("nothing", body, path, ctx)


@server.tool()
def text(body: dict, path: str, ctx: Context) -> str:
    note("text", body, path, ctx)
    return said(body).replace("Zanzibar", "Timbuktu")


@server.tool()
def events(body: str, path: str, ctx: Context) -> str:
    note("events", body, path, ctx)
    return body.replace("You", "They")


@server.custom_route("/asked", methods=["GET"])
async def tell(_request):
    told = list(asked)
    asked.clear()
    return JSONResponse(told)


run()
