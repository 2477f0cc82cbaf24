"""`--variant` of `serve` and `bench`."""

import pytest

from viewfinder.cli.shared_options import wanted_variants
from viewfinder.core.errors import BadRequest


def test_a_variant_alone_is_for_the_one_model_that_was_named() -> None:
    assert wanted_variants(["moondream2"], ["mlx-bf16"]) == {"moondream2": "mlx-bf16"}
    assert wanted_variants(["moondream2"], []) == {}


def test_with_a_model_it_is_for_that_one() -> None:
    given = ["moondream2=mlx-bf16", "vikhyatk/moondream2=x"]
    assert wanted_variants([], given) == {"moondream2": "mlx-bf16", "vikhyatk/moondream2": "x"}


@pytest.mark.parametrize("models", [[], ["glimpse", "moondream2"]])
def test_a_variant_alone_is_unclear_with_none_or_several_models(models: list[str]) -> None:
    with pytest.raises(BadRequest, match="Which model is the variant") as caught:
        wanted_variants(models, ["mlx-bf16"])
    assert caught.value.hint == "Write: --variant MODEL=mlx-bf16"
