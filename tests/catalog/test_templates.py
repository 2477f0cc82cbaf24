"""Chat templates that cards bring along, rendered by the real server.

A bare name such as "vicuna" would be rendered as the template itself, and the model would never see a word
of the question: llama.cpp's server takes names only when it does not render Jinja.
"""

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.paths import log_folder, run_folder
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.fleet.process.life import Launcher
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

BROUGHT = [
    (card.name, variant.name)
    for card in Catalog().cards()
    for variant in card.variants
    if variant.chat_template is not None
]
CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello!"},
    {"role": "assistant", "content": "Yes?"},
    {"role": "user", "content": "Who are you?"},
]
AS_LLAMA_CPP_HAS_IT = "Be brief.\n\nUSER: Hello!\nASSISTANT: Yes?</s>\nUSER: Who are you?\nASSISTANT:"
"""What its built-in template `vicuna` makes of the conversation."""


@pytest.fixture(params=BROUGHT, ids="/".join)
async def http(request: pytest.FixtureRequest) -> AsyncIterator[aiohttp.ClientSession]:
    """A connection to glimpse's server with another card's chat template."""
    model, name = request.param
    catalog = Catalog()
    template = catalog.get(model).variant(name).chat_template
    card = catalog.get("glimpse")
    variant = card.variant().model_copy(update={"chat_template": template})
    server = ServerProcess(
        Launcher(
            card,
            variant,
            catalog.resolve(variant),
            LlamaCpp(),
            EngineSettings(),
            run_folder=run_folder(),
            log_file=log_folder() / f"{card.name}.log",
        )
    )
    await server.start()
    try:
        connector = aiohttp.UnixConnector(str(server.client.endpoint.socket))
        async with aiohttp.ClientSession("http://engine", connector=connector) as session:
            yield session
    finally:
        await server.stop()


def test_the_files_without_a_template_are_the_ones_that_bring_one() -> None:
    assert {model for model, _ in BROUGHT} == {"moondream2", "llava-1.6-mistral-7b"}


async def test_it_renders_like_llama_cpps_own_and_shows_the_image(http: aiohttp.ClientSession) -> None:
    async with http.post("/apply-template", json={"messages": CONVERSATION}) as reply:
        assert (await reply.json())["prompt"] == AS_LLAMA_CPP_HAS_IT
    picture = base64.b64encode(encode_png(make_scene("template", things=1))).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    question = {"type": "text", "text": "How many shapes are there?"}
    with_image, without = await _tokens(http, [image, question]), await _tokens(http, [question])
    assert with_image > without + 9  # nine tokens a tile, and there is more than one


async def _tokens(http: aiohttp.ClientSession, content: list[dict[str, Any]]) -> int:
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": 1}
    async with http.post("/v1/chat/completions", json=body) as reply:
        return int((await reply.json())["usage"]["prompt_tokens"])
