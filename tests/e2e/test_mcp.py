"""`viewfinder mcp` with the official client: over stdin and stdout, and over HTTP."""

import asyncio
import base64
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx2
import psutil
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, TextContent, TextResourceContents

from tests.e2e.conftest import VIEWFINDER, at_a_terminal, serving

SHAPES = Path(__file__).parents[2] / "examples" / "shapes.png"
AS_DATA = f"data:image/png;base64,{base64.b64encode(SHAPES.read_bytes()).decode()}"
QUESTION = "What color is the circle?"


def said(result: CallToolResult) -> str:
    (part,) = result.content
    assert isinstance(part, TextContent)
    return part.text


def stdio(home: Path) -> StdioServerParameters:
    command, *arguments = [*VIEWFINDER, "mcp"]
    environment = {**os.environ, "VIEWFINDER_HOME": str(home)}
    return StdioServerParameters(command=command, args=arguments, env=environment)


async def test_an_agent_sees(tmp_path: Path) -> None:
    others = set(psutil.Process().children(recursive=True))
    async with Client(stdio(tmp_path)) as client:
        await sees(client)
        started = set(psutil.Process().children(recursive=True)) - others
        assert started
    _, left = psutil.wait_procs(started, timeout=30)
    assert left == []


async def sees(stdio: Client) -> None:
    (tool,) = (await stdio.list_tools()).tools
    assert tool.name == "look"
    assert set(tool.input_schema["required"]) == {"image", "question"}
    assert "vision-language model" in (tool.description or "")
    looked = await stdio.call_tool("look", {"image": str(SHAPES), "question": QUESTION})
    assert (said(looked), looked.is_error) == ("Blue.", False)
    both = {"image": [AS_DATA, str(SHAPES)], "question": "How many pictures are there?", "model": "glimpse"}
    assert said(await stdio.call_tool("look", both))

    for wrong, words in (
        ({"image": str(SHAPES), "question": "What?", "model": "glimse"}, "Did you mean glimpse?"),
        ({"image": "/nowhere.png", "question": "What?"}, "/nowhere.png"),
        ({"image": "https://example.com/a.png", "question": "What?"}, "Download it"),
        ({"image": __file__, "question": "What?"}, "not an image"),
    ):
        refused = await stdio.call_tool("look", wrong)
        assert refused.is_error
        assert words in said(refused)

    (guide,) = (await stdio.list_resources()).resources
    (page,) = (await stdio.read_resource(guide.uri)).contents
    assert isinstance(page, TextResourceContents)
    assert "viewfinder bench" in page.text  # nothing was measured here yet


async def test_over_http_no_file_of_this_computer_is_read(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *VIEWFINDER, "mcp", "--http", "--port", "0", "--model", "glimpse",
        env={**os.environ, "VIEWFINDER_HOME": str(tmp_path)}, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        found = re.search(r"MCP at (http://\S+)", (await process.stderr.readline()).decode())
        assert found
        async with Client(found[1]) as client:
            looked = await client.call_tool("look", {"image": AS_DATA, "question": QUESTION})
            assert said(looked) == "Blue."
            refused = await client.call_tool("look", {"image": str(SHAPES), "question": QUESTION})
            assert refused.is_error
            assert "data URL" in said(refused)
        async with httpx2.AsyncClient() as http:
            for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
                reply = await http.post(found[1], json={}, headers=headers)
                assert reply.status_code in (403, 421)
        engines = psutil.Process(process.pid).children(recursive=True)
        assert engines
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await process.wait() == 130
        assert not [one for one in engines if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_person_learns_what_it_is_for_and_can_leave(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "mcp") as (process, terminal):
        shown = b""
        while b"mcpServers" not in shown:
            shown += os.read(terminal.fileno(), 1000)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130


async def test_a_running_serve_answers(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0") as served:
        async with Client(stdio(tmp_path)) as client:
            looked = await client.call_tool(
                "look", {"image": AS_DATA, "question": QUESTION, "model": "glimpse"}
            )
            assert said(looked) == "Blue."
        assert "glimpse" in httpx2.get(f"{served.url}/ready").text
