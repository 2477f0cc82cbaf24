"""LLaVA-NeXT in small, as mlx-vlm runs it today and as it ran up to 0.4.0."""

import pytest

from viewfinder.catalog.card import Variant
from viewfinder.core.errors import EngineError

from . import LLAVA_NEXT
from .conftest import MlxServer, Serve, assert_sees, image_of

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

MLX = Variant(name="mlx-4bit", engine="mlx", repo=LLAVA_NEXT, source="hub", images=1, vision=True, text=True)
IMAGE_TOKENS = 3 * 16
"""An overview and two tiles at least."""


async def test_every_image_after_the_first_is_answered_too(serve: Serve) -> None:
    async with serve(MLX) as asked:
        await assert_sees(asked, IMAGE_TOKENS)


async def test_mlx_alone_ignores_a_second_image_in_a_conversation(serve: Serve) -> None:
    """It refuses two images in a message, but drops the later one in a conversation, and the words between.

    So the one image that the model's card allows is one in all messages together.
    """
    answer = {"role": "assistant", "content": "A shape."}
    async with serve(MLX, MlxServer()) as asked:
        first = await asked.image("a")
        both = await asked.messages(image_of("a"), answer, image_of("b"))
        assert both.text == first.text
        assert both.prompt_tokens > first.prompt_tokens


async def test_the_defect_that_broke_every_image_after_the_first_would_be_caught(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mlx-vlm up to 0.4.0 (its PR 821): the report of 2025 calls it "corrupted after several inferences"."""
    monkeypatch.setenv("TORCH_TEST_DEFECT", "llava_newline")
    async with serve(MLX) as asked:
        assert (await asked.image("a")).text
        for seed in ("b", "c"):
            with pytest.raises(EngineError, match="more dimensions than allowed by the axis remapping"):
                await asked.image(seed)
        assert (await asked.text()).text
