"""The built-in cards: their files exist, and they match the published report and the engines."""

import re
import tomllib

import pytest

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import CARDS, Catalog
from viewfinder.catalog.published import PublishedModel, published

HUB = [(card, variant) for card in Catalog().cards() for variant in card.variants if variant.source == "hub"]
each_hub_variant = pytest.mark.parametrize(
    ("card", "variant"), HUB, ids=[f"{card.name}/{variant.name}" for card, variant in HUB]
)


def test_the_five_of_the_report_and_ten_more() -> None:
    names = Catalog().names()
    assert len(names) >= 16
    assert {card.published_as for card in Catalog().cards()} - {None} == {
        row.model for row in published().models
    }


@pytest.mark.parametrize("row", published().models, ids=lambda row: row.model)
def test_a_row_of_the_report_is_found_by_its_own_model_id(row: PublishedModel) -> None:
    card = Catalog().get(row.model_id)
    assert card.published_as == row.model
    assert {variant.repo for variant in card.variants} == {row.model_id}
    engine = {"MLX": "mlx", "Transformers": "transformers"}.get(row.engine, "llama.cpp")
    assert engine in {variant.engine for variant in card.variants}


@pytest.mark.parametrize("card", Catalog().cards(), ids=lambda card: card.name)
def test_a_card_is_named_as_its_file_and_says_what_was_checked(card: ModelCard) -> None:
    assert (CARDS / f"{card.name}.toml").is_file()
    assert card.name == card.name.lower()
    assert card.checked.endswith(".")
    assert all(quirk.endswith(".") for quirk in card.quirks)
    assert len({variant.name for variant in card.variants}) == len(card.variants)
    assert set(card.prefer) <= {variant.engine for variant in card.variants}
    assert any(not variant.not_served for variant in card.variants)


def test_no_repository_is_in_two_cards() -> None:
    owners: dict[str, set[str]] = {}
    for card, variant in HUB:
        owners.setdefault(variant.repo.casefold(), set()).add(card.name)
    assert {repo: names for repo, names in owners.items() if len(names) > 1} == {}


@each_hub_variant
def test_a_variant_of_the_hub_says_all_that_pulling_and_choosing_need(
    card: ModelCard, variant: Variant
) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", variant.repo)
    assert variant.download_bytes
    assert variant.quantization
    assert variant.vision
    if variant.engine == "llama.cpp":
        assert variant.model.suffix == ".gguf"
        assert variant.mmproj is not None
        assert variant.mmproj.name.count("mmproj") == 1
        assert not variant.model_type
    else:  # the whole folder
        assert variant.engine in {"mlx", "transformers"}
        assert variant.model.name == ""
        assert variant.mmproj is None
        assert variant.model_type
        assert variant.image_lever == "pixels"  # neither engine has an option for it


@each_hub_variant
def test_code_from_a_repository_needs_its_revision(card: ModelCard, variant: Variant) -> None:
    assert not variant.remote_code or variant.revision


def test_what_is_listed_and_not_served_says_why() -> None:
    reasons = {
        card.name: variant.not_served
        for card, variant in HUB
        if variant.engine == "transformers" and variant.not_served
    }
    assert reasons.keys() == {"moondream2", "phi-3.5-vision"}
    assert "query" in reasons["moondream2"]


def test_moondreams_tokenizer_is_another_repositorys() -> None:
    variant = Catalog().get("moondream2").variant("mlx-bf16")
    assert variant.also == ("moondream/starmie-v1",)


def test_sizes_that_were_not_verified_to_the_byte_say_so() -> None:
    """A round number that claims to be exact was made up."""
    for file in CARDS.glob("*.toml"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("download_bytes"):
                is_round = tomllib.loads(line)["download_bytes"] % 1_000_000 == 0
                assert not is_round or line.endswith("# approximate"), f"{file.name}: {line}"
