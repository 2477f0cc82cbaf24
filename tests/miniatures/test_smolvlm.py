"""Both SmolVLM in small answer glimpse's questions on their own engines."""

from itertools import islice
from pathlib import Path

import pytest

from viewfinder.catalog.card import Variant
from viewfinder.catalog.headers import check_gguf
from viewfinder.measure.measures.video.ask import FRAMES_SHOWN, frames_message, last_message
from viewfinder.measure.prompts import about_images, text_message, without_images
from viewfinder.scenes.clips import make_clip

from . import SMOLVLM, SMOLVLM2
from .conftest import Serve, assert_sees

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

GGUF = Variant(
    name="llama.cpp-q8",
    engine="llama.cpp",
    repo=SMOLVLM,
    source="hub",
    model=Path("SmolVLM-500M-Instruct-Q8_0.gguf"),
    mmproj=Path("mmproj-SmolVLM-500M-Instruct-Q8_0.gguf"),
    vision=True,
    text=True,
)
MLX = Variant(name="mlx", engine="mlx", repo=SMOLVLM2, source="hub", vision=True, text=True)
IMAGE_TOKENS = 5 * 9
"""Four tiles and an overview."""


@pytest.mark.parametrize("variant", [GGUF, MLX], ids=lambda variant: variant.name)
async def test_it_answers_glimpses_questions(serve: Serve, variant: Variant) -> None:
    """Glimpse itself answers these right; another number format must lose at most one of them."""
    async with serve(variant) as asked:
        prompts = [*islice(about_images("miniatures"), 6), *islice(without_images("miniatures"), 2)]
        right = 0
        for prompt in prompts:
            reply = await asked.messages(*prompt.messages)
            assert prompt.is_right is not None
            right += prompt.is_right(reply.text)
        assert right >= len(prompts) - 1
        await assert_sees(asked, IMAGE_TOKENS)


@pytest.mark.parametrize("variant", [GGUF, MLX], ids=lambda variant: variant.name)
async def test_every_frame_of_a_clip_reaches_it(serve: Serve, variant: Variant) -> None:
    clip = make_clip("miniature", "direction")
    async with serve(variant) as asked:
        text = await asked.messages(text_message(clip.question.text))
        one = await asked.messages(last_message(clip))
        whole = await asked.messages(frames_message(clip))
        again = await asked.messages(frames_message(clip))
    image_tokens = one.prompt_tokens - text.prompt_tokens
    assert image_tokens >= 9, "an overview at least"
    assert whole.prompt_tokens - text.prompt_tokens > FRAMES_SHOWN * image_tokens, "and the times"
    assert whole.text
    assert whole == again


def test_the_header_names_the_number_format(miniature_hub: Path) -> None:
    for file in miniature_hub.rglob("*SmolVLM-500M-Instruct-Q8_0.gguf"):
        header = check_gguf(file)
        assert header.quantization == "Q8_0"
        assert header.values["general.file_type"] == 7
        assert header.required_bytes < 2_000_000
