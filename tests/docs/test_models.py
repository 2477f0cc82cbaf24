"""The page of models: generated, current, and with everything that a card says."""

from pathlib import Path

import pytest

from docs.generate.models import write_models
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
CARDS = Catalog().cards()


def section(card: ModelCard) -> str:
    return write_models(CARDS).partition(f"## {card.title}\n")[2].partition("\n## ")[0]


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_models(CARDS), "Run: make docs"


def test_it_is_the_same_whatever_is_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert write_models(Catalog(weights=tmp_path).cards()) == write_models(CARDS)


def test_the_models_of_today_come_first_and_the_reports_five_last() -> None:
    titles = [line[3:] for line in write_models(CARDS).splitlines() if line.startswith("## ")][3:]
    cards = [next(card for card in CARDS if card.title == title) for title in titles]
    assert titles[0] == "glimpse"
    assert titles[-5:-2] == ["SmolVLM-500M-Instruct", "SmolVLM2-500M-Video-Instruct", "Moondream2"]
    current = [card for card in cards[1:] if not card.replaced_by]
    assert cards[1 : len(current) + 1] == current
    assert [card.year for card in current] == sorted((card.year or 0 for card in current), reverse=True)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_each_year_and_what_replaced_it_is_on_the_page(card: ModelCard) -> None:
    assert f"Of {card.year}." in section(card)
    row = next(
        line for line in write_models(CARDS).splitlines() if f" | `{card.name}` | {card.year} | " in line
    )
    for newer in card.replaced_by:
        assert f"`{newer}`" in row
        assert f"`{newer}`" in section(card).partition("Replaced by: ")[2]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_is_on_it_with_all_that_it_says(card: ModelCard) -> None:
    said = section(card)
    for variant in card.variants:
        assert f"`{variant.name}`" in said
        assert f"`{variant.repo}`" in said
        assert variant.not_served.split(",")[0] in said
    assert f"License: {card.license}" in said
    assert all(quirk.split("(")[0] in said for quirk in card.quirks)
    assert "Nothing of it on macOS." in said
    assert f'viewfinder ask {card.name} photo.jpg "What is in this image?"' in said


def test_an_engine_without_a_variant_is_not_said_to_be_unable() -> None:
    """The overview said "no" where the catalog merely has no variant."""
    row = next(line for line in write_models(CARDS).splitlines() if line.startswith("| Qwen2.5-VL-7B"))
    assert row.split(" | ")[5] == "-"
    moondream = next(line for line in write_models(CARDS).splitlines() if line.startswith("| Moondream2 |"))
    assert moondream.split(" | ")[5] == "not served"


def test_a_mac_and_linux_use_what_is_chosen_there() -> None:
    llava = section(Catalog().get("llava-1.6-mistral-7b"))
    assert "pip install '.[mlx]'  # on a Mac, where mlx-4bit is used" in llava
    assert "pip install .  # on Linux, where llama.cpp-q4_k_m is used" in llava
    smolvlm = section(Catalog().get("smolvlm-500m"))  # its card prefers llama.cpp
    assert "pip install .  # on a Mac and on Linux, where llama.cpp-q8_0 is used" in smolvlm
