"""A gateway on a real port over a real fleet, and a client that reads every reply; for the tests here."""

import asyncio
import base64
import functools
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from tests.faults.plugin.faulty_sight import digest_of, picture_in
from viewfinder.api.setup import open_fleet
from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.core.config import Settings
from viewfinder.core.version import VERSION
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health.canary import candidates
from viewfinder.gateway.app import make_app
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.listen import serve
from viewfinder.host.sockets import bind_port, url
from viewfinder.media.intake import Intake


class FaultyCatalog(Catalog):
    """Models of the faulty engine by name, each with its fault and when it is active ("hangs/always")."""

    def __init__(self, models: Mapping[str, str], memory: Path) -> None:
        super().__init__()
        self._memory = memory
        for name, fault in models.items():
            variant = Variant(name="faulty", engine="faulty", repo=fault, vision=True, text=True)
            self._cards[name] = ModelCard(
                name=name, title=fault, license="MIT", summary="A fault.", variants=(variant,)
            )
            self.memory_of(name).mkdir(parents=True)
            self.file_of(name).write_text(json.dumps(truths()))

    def memory_of(self, model: str) -> Path:
        return self._memory / model

    def file_of(self, model: str) -> Path:
        """The model's answers about pictures."""
        return self.memory_of(model) / "truths.json"

    def resolve(self, variant: Variant) -> ModelFiles:
        for name, card in self._cards.items():
            if variant.engine == "faulty" and card.variants == (variant,):
                return ModelFiles(self.file_of(name))
        return super().resolve(variant)


@functools.cache
def truths() -> dict[str, dict[str, str]]:
    """The right answers about the canary's candidates, for the model of the faulty engine."""
    return {
        digest_of(picture_in(known.message["content"][0]["image_url"]["url"])): {
            known.question.text: known.question.answer
        }
        for known in candidates()
    }


@dataclass(frozen=True)
class Reply:
    """What a client got: the status, the words, the code of an error in the status or the stream, and whether
    the answer was complete."""

    status: int
    words: str
    error: str = ""
    complete: bool = False


@dataclass(frozen=True)
class Gateway:
    """A running gateway: its fleet, and the methods of a client."""

    fleet: Fleet
    session: aiohttp.ClientSession
    intake: Intake

    async def ask(
        self, model: str, words: str, image: bytes | None = None, *, stream: bool = True, **fields: Any
    ) -> Reply:
        body = {"model": model, "stream": stream, "temperature": 0, **fields}
        body["messages"] = [{"role": "user", "content": content(words, image)}]
        async with self.session.post("/v1/chat/completions", json=body) as reply:
            return read(reply.status, await reply.text())

    async def leave(self, model: str, words: str, image: bytes | None = None) -> None:
        """Send a request, read the first word, and disconnect."""
        body = {
            "model": model,
            "stream": True,
            "messages": [{"role": "user", "content": content(words, image)}],
        }
        async with self.session.post("/v1/chat/completions", json=body) as reply:
            await reply.content.readany()
            reply.close()


@asynccontextmanager
async def gateway(
    catalog: Catalog, settings: Settings, auto: AutoModels | None = None
) -> AsyncIterator[Gateway]:
    """Everything that `viewfinder serve` runs, in this process."""
    async with open_fleet(catalog, settings) as fleet, Intake(settings.limits) as intake:
        bound, stop = bind_port("127.0.0.1", 0, strict=True), asyncio.Event()
        app = make_app(fleet, intake, settings, VERSION, auto=auto)
        listening = asyncio.create_task(serve(app, bound, settings, stop=stop, drain_s=1))
        connector = aiohttp.TCPConnector(limit=0)
        try:
            async with aiohttp.ClientSession(url(bound.host, bound.port), connector=connector) as session:
                yield Gateway(fleet, session, intake)
        finally:
            stop.set()
            await listening


def content(words: str, image: bytes | None) -> list[dict[str, Any]]:
    """The parts of a message: text and a PNG."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": words}]
    if image is not None:
        place = "data:image/png;base64," + base64.b64encode(image).decode()
        parts.append({"type": "image_url", "image_url": {"url": place}})
    return parts


def picture(color: str) -> bytes:
    """A PNG of one color."""
    data = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(data, "PNG")
    return data.getvalue()


def read(status: int, text: str) -> Reply:
    """A reply, streamed or whole. An error that is not OpenAI's fails here."""
    if status != 200:
        return Reply(status, "", error_code(json.loads(text)))
    if text.startswith("{"):
        choice = json.loads(text)["choices"][0]
        return Reply(200, choice["message"]["content"], complete=choice["finish_reason"] is not None)
    events = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
    complete = events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[: -1 if complete else None]]
    error = "" if complete else error_code(chunks.pop())
    words = (choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    return Reply(200, "".join(words), error, complete)


def error_code(body: dict[str, Any]) -> str:
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return str(error["code"])
