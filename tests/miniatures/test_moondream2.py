"""Moondream2 in small: a GGUF pair without a chat template, and mlx-vlm's port with its other repository."""

import shutil
from pathlib import Path

import pytest

from viewfinder.catalog.card import Variant

from . import MOONDREAM2, MOONDREAM2_TOKENIZER
from .conftest import MlxServer, Serve, assert_sees

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

VICUNA = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'user' %}{{ 'USER: ' + message['content'] + '\n' }}"
    "{% else %}{{ 'ASSISTANT: ' + message['content'] + '</s>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""llama.cpp's built-in template "vicuna"; with Jinja on, it takes the name itself for a template."""
GGUF = Variant(
    name="llama.cpp-f16",
    engine="llama.cpp",
    repo=MOONDREAM2,
    source="hub",
    model=Path("moondream2-text-model-f16.gguf"),
    mmproj=Path("moondream2-mmproj-f16.gguf"),
    chat_template=VICUNA,
    vision=True,
    text=True,
)
MLX = Variant(
    name="mlx",
    engine="mlx",
    repo=MOONDREAM2,
    source="hub",
    also=(MOONDREAM2_TOKENIZER,),
    vision=True,
    text=True,
)


@pytest.mark.parametrize(
    ("variant", "image_tokens"), [(GGUF, 7 * 7), (MLX, 27 * 27)], ids=["llama.cpp", "mlx"]
)
async def test_the_image_reaches_the_model(serve: Serve, variant: Variant, image_tokens: int) -> None:
    async with serve(variant) as asked:
        await assert_sees(asked, image_tokens)


@pytest.fixture
def hub_without_tokenizer(miniature_hub: Path, tmp_path: Path) -> Path:
    home = tmp_path / "hub"
    shutil.copytree(miniature_hub, home, symlinks=True)
    shutil.rmtree(home / "hub" / f"models--{MOONDREAM2_TOKENIZER.replace('/', '--')}")
    return home


async def test_without_its_tokenizers_repository_mlx_alone_is_blind_without_an_error(
    serve: Serve, hub_without_tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mlx-vlm 0.7.10 falls back to the stale tokenizer beside the weights, drops every image and answers.

    So all of a variant's repositories must be here before a start, and a known image must be asked.
    """
    monkeypatch.setenv("HF_HOME", str(hub_without_tokenizer))
    alone = MLX.model_copy(update={"also": ()})  # else the catalog would not let it start
    async with serve(alone, MlxServer()) as asked:
        assert await asked.image("a") == await asked.image("b")
