"""A gateway on a real port above glimpse on one engine, as a client of Viewfinder meets it."""

import asyncio
import base64
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.core.config import Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.paths import folders, log_folder, run_folder
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.life import Launcher
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.gateway.app import make_app
from viewfinder.gateway.listen import serve
from viewfinder.host.sockets import bind_port, url
from viewfinder.media.intake import Intake
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import Scene

GLIMPSE = WEIGHTS / "glimpse" / "hf"
THINKS = """\
{% for message in messages %}{% if message.content is string %}{{ message.content }}{% else %}\
{{ message.content[0].text }}{% endif %}{% endfor %}{% if enable_thinking %} Think of it!{% endif %}"""


class OneEngine(Catalog):
    """The catalog with glimpse on a single engine."""

    def __init__(self, engine: str) -> None:
        super().__init__()
        card = self._cards["glimpse"]
        variants = tuple(variant for variant in card.variants if variant.engine == engine)
        self._cards["glimpse"] = card.model_copy(update={"variants": variants})


def make_server(engine: str, folder: Path | None = None, **more: Any) -> ServerProcess:
    """A server process of glimpse, or of the model in `folder`, on this engine; `more` is the variant's."""
    catalog = OneEngine(engine)
    card = catalog.get("glimpse")
    place = {} if folder is None else {"source": "disk", "model": folder}
    variant = card.variants[0].model_copy(update=place | more)
    return ServerProcess(
        Launcher(
            card,
            variant,
            catalog.resolve(variant),
            engine_named(engine),
            EngineSettings(),
            run_folder=run_folder(),
            log_file=log_folder() / f"{card.name}.log",
        )
    )


def user(text: str, *scenes: Scene) -> dict[str, Any]:
    """A user's message: images, then the text."""
    urls = [f"data:image/png;base64,{base64.b64encode(encode_png(scene)).decode()}" for scene in scenes]
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": "user", "content": [*images, {"type": "text", "text": text}]}


@dataclass
class Served:
    """A running gateway, and a client for it."""

    engine: str
    fleet: Fleet
    url: str
    http: aiohttp.ClientSession

    def post(self, *messages: dict[str, Any], **options: Any) -> Any:
        body = {"model": "glimpse", "messages": messages, "temperature": 0, "max_tokens": 64, **options}
        return self.http.post(f"{self.url}/v1/chat/completions", json=body)

    async def ask(self, *messages: dict[str, Any], **options: Any) -> dict[str, Any]:
        async with self.post(*messages, **options) as reply:
            answer: dict[str, Any] = await reply.json()
            assert reply.status == 200, answer
            return answer

    async def text(self, *messages: dict[str, Any], **options: Any) -> str:
        return str((await self.ask(*messages, **options))["choices"][0]["message"]["content"])


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["llama.cpp", "mlx", "transformers"])
async def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """One gateway and one engine for all tests of a file."""
    settings = Settings(port=0, engine=EngineSettings(context_tokens=512))
    async with contextlib.AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("VIEWFINDER_HOME", str(tmp_path_factory.mktemp("home")))
        fleet = Fleet(OneEngine(request.param), settings, folders())
        await stack.enter_async_context(fleet)
        intake = await stack.enter_async_context(Intake(settings.limits))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        bound = bind_port(settings.host, settings.port, strict=True)
        stop, listening = asyncio.Event(), asyncio.Event()
        app = make_app(fleet, intake, settings, "test")
        serving = asyncio.create_task(serve(app, bound, settings, stop=stop, on_listening=listening.set))
        await listening.wait()
        await fleet.load("glimpse")
        yield Served(request.param, fleet, url(bound.host, bound.port), http)
        stop.set()
        await serving


@pytest.fixture
def blind(tmp_path: Path) -> Path:
    """The folder of a model without vision: glimpse's language model alone."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "blind"
    folder.mkdir()
    for name in ("tokenizer.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(GLIMPSE / name, folder)
    tokenizer = json.loads((GLIMPSE / "tokenizer_config.json").read_text())
    del tokenizer["processor_class"]
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    config = json.loads((GLIMPSE / "config.json").read_text())["text_config"]
    config |= {"architectures": ["LlamaForCausalLM"], "dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(GLIMPSE / "model.safetensors")
    words = {
        name.replace("model.text_model.", "model."): array
        for name, array in weights.items()
        if name.startswith(("model.text_model.", "lm_head."))
    }
    save_file(words, folder / "model.safetensors", {"format": "pt"})
    return folder
