"""A stand-in for llama-server that computes nothing: it waits, and answers; started by a fleet as an engine.

    engine.py --host SOCKET --parallel SLOTS ...     what it is started with; the other words are ignored

The last words of a request say how long: "pace 60 5": the first word after 60 ms, the next ones 5 ms apart,
and `max_tokens` how many. Requests that find no free slot wait for one in their order.
"""

import asyncio
import json
import sys
from typing import Any

READY = {"/health": {"status": "ok"}, "/props": {"chat_template_caps": {}}, "/slots": []}
WORD = "word "


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


class StandIn:
    """One process with its slots."""

    def __init__(self, slots: int) -> None:
        self._slots = asyncio.Semaphore(slots)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                length = next(
                    (
                        int(line[15:])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length:")
                    ),
                    0,
                )
                body = json.loads(await reader.readexactly(length)) if length else {}
                if "messages" in body:
                    async with self._slots:
                        await self._answer(body, writer)
                else:
                    _send(writer, json.dumps(READY.get(path.partition("?")[0], {"data": []})).encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        first_ms, gap_ms = pace_of(body)
        words = int(body.get("max_tokens") or 1)
        usage = {"prompt_tokens": 8, "completion_tokens": words, "total_tokens": 8 + words}
        begin_s = asyncio.get_running_loop().time()
        if not body.get("stream"):
            await _until(begin_s + (first_ms + (words - 1) * gap_ms) / 1000)
            said = {"role": "assistant", "content": WORD * words}
            choice = {"index": 0, "finish_reason": "stop", "message": said}
            _send(writer, json.dumps({"id": "a", "choices": [choice], "usage": usage}).encode())
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for number in range(words):
            await _until(begin_s + (first_ms + number * gap_ms) / 1000)
            choice = {"index": 0, "delta": {"content": WORD}, "finish_reason": None}
            _event(writer, {"id": "a", "object": "chat.completion.chunk", "choices": [choice]})
        choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
        _event(writer, {"id": "a", "object": "chat.completion.chunk", "choices": [choice]})
        _event(writer, {"id": "a", "object": "chat.completion.chunk", "choices": [], "usage": usage})
        done = b"data: [DONE]\n\n"
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done))


def pace_of(body: dict[str, Any]) -> tuple[float, float]:
    """Milliseconds to the first word and from one to the next, as the request says; otherwise 1 and 0."""
    content = body["messages"][-1].get("content") or ""
    texts = content if isinstance(content, str) else " ".join(part.get("text") or "" for part in content)
    _, found, pace = texts.rpartition("pace ")
    if not found:
        return 1.0, 0.0
    first_ms, gap_ms = pace.split()[:2]
    return float(first_ms), float(gap_ms)


async def _until(moment_s: float) -> None:
    left_s = moment_s - asyncio.get_running_loop().time()
    if left_s > 0:
        await asyncio.sleep(left_s)


def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)


def _event(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


async def main() -> None:
    stand_in = StandIn(int(option("--parallel")))
    server = await asyncio.start_unix_server(stand_in.connected, option("--host"), limit=2**26)
    print("main: server is listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("version: 99999 (stand-in)")
    else:
        asyncio.run(main())
