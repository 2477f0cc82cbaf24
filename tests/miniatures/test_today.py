"""The models of today in small: an image reaches each of them, as a variant of its card runs it."""

import pytest

from viewfinder.catalog.catalog import Catalog

from . import GEMMA4, GLM_OCR, INTERNVL35, LFM2_VL, QWEN3_VL, QWEN35
from .conftest import Serve, assert_sees

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

IMAGE_TOKENS = {QWEN35: 80, QWEN3_VL: 80, GEMMA4: 250, LFM2_VL: 50, INTERNVL35: 5 * 16, GLM_OCR: 90}
"""The fewest for a picture of 320 pixels."""


@pytest.mark.parametrize("repo", IMAGE_TOKENS)
async def test_the_image_reaches_the_model(serve: Serve, repo: str) -> None:
    (variant,) = Catalog().get(repo).variants
    async with serve(variant) as asked:
        await assert_sees(asked, IMAGE_TOKENS[repo])
