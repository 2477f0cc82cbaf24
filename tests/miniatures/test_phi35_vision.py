"""Phi-3.5-Vision in small."""

import pytest

from viewfinder.catalog.card import Variant

from . import PHI35_VISION
from .conftest import Serve, assert_sees

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

MLX = Variant(name="mlx-4bit", engine="mlx", repo=PHI35_VISION, source="hub", vision=True, text=True)
IMAGE_TOKENS = 2 * 144
"""One tile and the overview."""


async def test_the_image_reaches_the_model(serve: Serve) -> None:
    async with serve(MLX) as asked:
        await assert_sees(asked, IMAGE_TOKENS)
