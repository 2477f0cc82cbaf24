"""Miniatures on their real engines, and the questions that show whether an image reaches the model."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.client.chat import ChatClient
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.paths import log_folder, run_folder
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.engines.registry import engines
from viewfinder.fleet.process.life import Launcher
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.measure.prompts import text_message
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.scene import make_scene

from .cache import environment

CHILDREN = Path(__file__).parents[1] / "children"
QUESTION = "What is in this image?"
SETTINGS = EngineSettings(slots=1, threads=1, start_timeout_s=900)
"""One thread: llama.cpp's threads wait for each other by spinning, which on a busy computer takes minutes."""


class MlxServer(Engine):
    """mlx-vlm's own server, without Viewfinder's changes."""

    name = "mlx"
    install = "pip install mlx-vlm"
    known_good = ">=0.7"

    def find(self) -> Installed | None:
        return Installed("", CHILDREN)

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        model = str(files.model)
        argv = (sys.executable, "-P", str(CHILDREN / "serves_mlx.py"), model, str(socket))
        return Launch(argv, dict(os.environ), model=model)


ENGINES: dict[str, Engine] = {MlxServer.name: MlxServer()} | engines()
"""Viewfinder's engine wherever there is one."""


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Served:
    """A served miniature, asked with greedy decoding."""

    client: ChatClient

    async def messages(self, *messages: Message) -> Reply:
        body = {"messages": messages, "max_tokens": 8, "temperature": 0}
        reply = await self.client.complete(body)
        return Reply(reply["choices"][0]["message"]["content"], reply["usage"]["prompt_tokens"])

    async def image(self, seed: str) -> Reply:
        return await self.messages(image_of(seed))

    async def text(self) -> Reply:
        return await self.messages(text_message(QUESTION))


def image_of(seed: str) -> Message:
    """The same question about the scene of this seed."""
    return image_message(make_scene(f"miniatures/{seed}", longest=(320, 320)), QUESTION)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def serve(miniature_hub: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serves a variant of a miniature, on its engine or on another, inside a `with` block."""
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    for name, value in environment(miniature_hub).items():
        monkeypatch.setenv(name, value)

    @asynccontextmanager
    async def serving(variant: Variant, engine: Engine | None = None) -> AsyncIterator[Served]:
        card = ModelCard(name="miniature", title="", license="", summary="", variants=(variant,))
        server = ServerProcess(
            Launcher(
                card,
                variant,
                Catalog().resolve(variant),
                engine or ENGINES[variant.engine],
                SETTINGS,
                run_folder=run_folder(),
                log_file=log_folder() / f"{card.name}.log",
            )
        )
        await server.start()
        try:
            yield Served(server.client)
        finally:
            await server.stop()

    return serving


async def assert_sees(asked: Served, image_tokens: int) -> None:
    """The image is counted, another image gives another answer, and the same image the same."""
    first, again, other = [await asked.image(seed) for seed in ("a", "a", "b")]
    blind = await asked.text()
    assert first.text
    assert first == again
    assert first.text != other.text
    assert blind.text not in ("", first.text)
    assert first.prompt_tokens - blind.prompt_tokens >= image_tokens
