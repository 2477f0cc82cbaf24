"""A gateway on a real port above a real fleet, whose engine comes from an entry point and has one fault."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.core.config import EngineSettings, FleetSettings, Settings
from viewfinder.core.paths import folders
from viewfinder.core.version import VERSION
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.app import make_app
from viewfinder.gateway.listen import serve
from viewfinder.host.sockets import bind_port, url
from viewfinder.media.intake import Intake

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The faulty engine's distribution, as if it were installed."""
    monkeypatch.syspath_prepend(str(PLUGIN))


class FaultyCatalog(Catalog):
    """One card, whose model is the fault."""

    def __init__(self, fault: str, memory: Path) -> None:
        super().__init__()
        variant = Variant(name="faulty", engine="faulty", repo=fault, vision=True, text=True)
        card = ModelCard(name=fault, title=fault, license="MIT", summary="A fault.", variants=(variant,))
        self._cards[fault] = card
        self._memory = memory

    def resolve(self, variant: Variant) -> ModelFiles:
        return ModelFiles(self._memory) if variant.engine == "faulty" else super().resolve(variant)


@dataclass(frozen=True)
class Reply:
    """What a client got: the status, the answer, and the code of an error wherever it came."""

    status: int
    words: str
    error: str


Ask = Callable[[str | None], Awaitable[Reply]]


@pytest.fixture
async def serving(plugin: None, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Ask]]]:
    """Call it with a fault; what it gives asks one streamed question about an image of one color."""
    async with AsyncExitStack() as stack:

        async def start(fault: str, deaths: int = 5, **engine: Any) -> Ask:
            settings = Settings(
                port=0, engine=EngineSettings.model_validate(engine), fleet=FleetSettings(deaths=deaths)
            )
            catalog = FaultyCatalog(fault, tmp_path)
            fleet = await stack.enter_async_context(Fleet(catalog, settings, folders()))
            intake = await stack.enter_async_context(Intake(settings.limits))
            bound, stop = bind_port("127.0.0.1", 0, strict=True), asyncio.Event()
            app = make_app(fleet, intake, settings, VERSION)
            listening = asyncio.create_task(serve(app, bound, settings, stop=stop))

            async def leave() -> None:
                stop.set()
                await listening

            stack.push_async_callback(leave)
            session = await stack.enter_async_context(aiohttp.ClientSession(url(bound.host, bound.port)))

            async def ask(color: str | None = "red") -> Reply:
                content: list[dict[str, Any]] = [{"type": "text", "text": "What color is it?"}]
                if color:
                    content.append({"type": "image_url", "image_url": {"url": picture(color)}})
                body = {"model": fault, "messages": [{"role": "user", "content": content}], "stream": True}
                async with session.post("/v1/chat/completions", json=body) as reply:
                    return read(reply.status, await reply.text())

            return ask

        yield start


def picture(color: str) -> str:
    data = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def read(status: int, text: str) -> Reply:
    if status != 200:
        return Reply(status, "", json.loads(text)["error"]["code"])
    words, error = "", ""
    for line in text.split("\n\n"):
        if line.startswith("data: {"):
            chunk = json.loads(line[6:])
            error = chunk.get("error", {}).get("code", error)
            words += "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))
    return Reply(status, words, error)
