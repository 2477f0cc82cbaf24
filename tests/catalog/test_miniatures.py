"""Each card has a miniature in tests/miniatures, or a reason why not."""

import pytest

from tests.miniatures import ALIKE, NONE, REPOS
from viewfinder.catalog.catalog import Catalog

CARDS = {card.name: card for card in Catalog().cards()}
WITH_ONE = {name for name, card in CARDS.items() if any(variant.repo in REPOS for variant in card.variants)}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_has_a_miniature_or_a_reason_why_not(name: str) -> None:
    assert (name in WITH_ONE) + (name in ALIKE) + (name in NONE) == 1
    assert ALIKE.get(name, next(iter(WITH_ONE))) in WITH_ONE
    assert NONE.get(name, ".").endswith(".")


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_alike_has_the_same_architecture(name: str) -> None:
    """By the model type that engines for folders load."""

    def types(card: str) -> set[str]:
        return {variant.model_type for variant in CARDS[card].variants if variant.engine == "mlx"}

    assert types(name) == types(ALIKE[name])


def test_no_reason_is_left_of_a_card_that_is_gone() -> None:
    assert CARDS.keys() >= ALIKE.keys() | NONE.keys()


def test_what_was_run_in_small_is_said() -> None:
    for name in ("qwen3.5-0.8b", "qwen3-vl-8b", "gemma-4-e2b", "lfm2.5-vl-450m"):
        assert "Its architecture was run with MLX on Linux with other weights." in CARDS[name].checked
    for name in ("internvl3.5-2b", "glm-ocr"):
        assert "Its architecture was run with llama.cpp on Linux with other weights." in CARDS[name].checked
