"""`viewfinder mcp`: a model's eyes for agents."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viewfinder.cli.console import errors
from viewfinder.cli.interrupts import EXIT_CODE

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from viewfinder.api.agents import Eyes

HTTP_HOST = "127.0.0.1"
FOR_AN_AGENT = {"mcpServers": {"viewfinder": {"command": "viewfinder", "args": ["mcp"]}}}


def mcp(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Answers where a question names none.", show_default="the best that is here"
        ),
    ] = None,
    http: Annotated[
        bool,
        typer.Option("--http", help="Over HTTP on this computer, not stdin and stdout; takes no paths."),
    ] = False,
    port: Annotated[int, typer.Option(help="For --http; 0: any that is free.", min=0, max=65535)] = 8090,
) -> None:
    """Give agents eyes, over MCP: one tool, `look`, and the guide's first screen."""
    from viewfinder.api.agents import Eyes, mcp_server

    eyes = Eyes(model, reads_paths=not http)
    server = mcp_server(eyes)
    asyncio.run(_over_http(server, eyes, port) if http else _over_stdio(server, eyes))


async def _over_stdio(server: "MCPServer", eyes: "Eyes") -> None:
    if sys.stdin.isatty():
        _say("An agent is to start this command and to speak MCP with it. Its settings take, for example:")
        _say(json.dumps(FOR_AN_AGENT))
    stopped = await _until_stopped(server.run_stdio_async(), eyes)
    if stopped:  # a thread waits for the next line of stdin, and nothing can wake it
        os._exit(_exit_code(stopped))


async def _over_http(server: "MCPServer", eyes: "Eyes", port: int) -> None:
    import uvicorn

    from viewfinder.host.sockets import bind_port, url

    class Listening(uvicorn.Server):
        def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
            return contextlib.nullcontext()

    bound = bind_port(HTTP_HOST, port, strict=True)
    app = server.streamable_http_app(host=HTTP_HOST)
    _say(f"MCP at {url(HTTP_HOST, bound.port)}/mcp")
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    stopped = await _until_stopped(Listening(config).serve(sockets=[bound.socket]), eyes)
    if stopped:
        raise typer.Exit(_exit_code(stopped))


async def _until_stopped(work: Coroutine[Any, Any, None], eyes: "Eyes") -> int:
    """Work until it ends, or until Ctrl-C or SIGTERM; then close the eyes. The signal, 0 for none."""
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopped, number)
    working = asyncio.create_task(work)
    either: set[asyncio.Future[Any]] = {working, stopped}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await eyes.close()
    if working.done():
        await working
    return stopped.result() if stopped.done() else 0


def _stop(stopped: "asyncio.Future[int]", number: int) -> None:
    if not stopped.done():
        stopped.set_result(number)


def _exit_code(number: int) -> int:
    return EXIT_CODE if number == signal.SIGINT else 0


def _say(text: str) -> None:
    errors.print(text, markup=False, highlight=False, soft_wrap=True)
