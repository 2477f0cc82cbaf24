"""The server of `third_party_engine`: MODEL SOCKET, where MODEL is a file of named colors."""

import base64
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

COLORS = json.loads(Path(sys.argv[1]).read_text())


def answer(messages: list[dict[str, Any]]) -> str:
    """The known color that is nearest to the mean of the last picture."""
    parts = [part for message in messages for part in message["content"] if isinstance(part, dict)]
    images = [part["image_url"]["url"].partition(",")[2] for part in parts if "image_url" in part]
    if not images:
        return "There is no picture."
    picture = Image.open(io.BytesIO(base64.b64decode(images[-1]))).convert("RGB")
    mean = picture.resize((1, 1), Image.Resampling.BOX).tobytes()
    return min(COLORS, key=lambda name: sum((a - b) ** 2 for a, b in zip(mean, COLORS[name], strict=True)))


async def chat(request: Request) -> StreamingResponse:
    text = answer((await request.json())["messages"])

    def events() -> Iterator[str]:
        for delta, reason in (({"content": text}, None), ({}, "stop")):
            yield f"data: {json.dumps({'choices': [{'delta': delta, 'finish_reason': reason}]})}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


routes = [
    Route("/health", lambda _: PlainTextResponse("ready")),
    Route("/v1/chat/completions", chat, methods=["POST"]),
]
uvicorn.run(Starlette(routes=routes), uds=sys.argv[2], log_level="warning")
