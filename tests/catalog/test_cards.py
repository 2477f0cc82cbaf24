"""The built-in cards: their files exist, and they match the published report and the engines."""

import re
import tomllib

import pytest
from pydantic import ValidationError

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import CARDS, WEIGHTS, Catalog
from viewfinder.catalog.folder import read_config
from viewfinder.catalog.headers import check_gguf
from viewfinder.catalog.published import PublishedModel, published
from viewfinder.gateway.pictures import USABLE_PIXELS

HUB = [(card, variant) for card in Catalog().cards() for variant in card.variants if variant.source == "hub"]
each_hub_variant = pytest.mark.parametrize(
    ("card", "variant"), HUB, ids=[f"{card.name}/{variant.name}" for card, variant in HUB]
)


TODAY = (
    *("qwen3.5-0.8b", "qwen3.5-2b", "qwen3.5-4b", "gemma-4-e2b", "gemma-4-e4b", "qwen3-vl-8b"),
    *("lfm2.5-vl-450m", "internvl3.5-2b", "glm-ocr"),
)


def test_the_five_of_the_report_and_those_of_today() -> None:
    assert set(TODAY) < set(Catalog().names())
    assert not any(Catalog().card(name).replaced_by for name in TODAY)
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


@pytest.mark.parametrize("card", Catalog().cards(), ids=lambda card: card.name)
def test_a_card_says_how_much_of_an_image_its_model_can_use(card: ModelCard) -> None:
    """Images are scaled down to it: it must not be less than the model's own input."""
    for variant in card.variants:
        assert variant.image_pixels is not None
        assert (variant.image_input_px or 1) ** 2 <= variant.image_pixels <= USABLE_PIXELS


TILED = {
    "moondream2": (12, 378),
    "internvl3-2b": (12, 448),
    "gemma-3-4b": (1, 896),
    "lfm2.5-vl-1.6b": (10, 512),
    "phi-3.5-vision": (16, 336),
    "minicpm-v-4.6": (9, 448),
    "llava-1.6-mistral-7b": (4, 336),
    "lfm2.5-vl-450m": (10, 512),
    "internvl3.5-2b": (12, 448),
}
"""The most tiles of one image and their edge, by the publishers' image processors, which the cards name."""
WHOLE = {
    "smolvlm-256m": 2048**2,
    "smolvlm-500m": 2048**2,
    "smolvlm2-500m-video": 2048**2,
    "smolvlm2-2.2b": 1536**2,
    "qwen2.5-vl-3b": 16384 * 28**2,
    "qwen2.5-vl-7b": 16384 * 28**2,
    "qwen3-vl-2b": 4096**2,
    "qwen3-vl-4b": 4096**2,
    "qwen3-vl-8b": 4096**2,
    "qwen3.5-0.8b": 4096**2,
    "qwen3.5-2b": 4096**2,
    "qwen3.5-4b": 4096**2,
    "gemma-4-e2b": 280 * 48**2,
    "gemma-4-e4b": 280 * 48**2,
    "glm-ocr": USABLE_PIXELS,  # its processor takes more
    "glimpse": (3 * 192) ** 2,
}
"""The most pixels to which a processor scales an image."""


@pytest.mark.parametrize("card", Catalog().cards(), ids=lambda card: card.name)
def test_it_is_what_the_publishers_image_processor_uses(card: ModelCard) -> None:
    """Tiles are cut from an image that is scaled to them: with twice their edge, nothing of it is lost."""
    tiles, edge = TILED.get(card.name, (0, 0))
    used = WHOLE.get(card.name) or tiles * (2 * edge) ** 2
    assert {variant.image_pixels for variant in card.variants} == {used}


@pytest.mark.parametrize("variant", Catalog().get("glimpse").variants, ids=lambda variant: variant.name)
def test_the_context_of_the_embedded_model_is_what_its_files_say(variant: Variant) -> None:
    """The card said nothing, so a refusal named 4,096 tokens where the engine takes 2,048."""
    path = WEIGHTS / variant.model
    if path.is_dir():
        assert variant.context_tokens == read_config(path).context_tokens
    else:
        assert variant.context_tokens == check_gguf(path).values["llama.context_length"]


@pytest.mark.parametrize("card", Catalog().cards(), ids=lambda card: card.name)
def test_a_card_says_its_year_and_what_replaced_it(card: ModelCard) -> None:
    """What replaced it is current itself, and not older."""
    assert card.year is not None
    for name in card.replaced_by:
        newer = Catalog().card(name)
        assert newer.name == name
        assert not newer.replaced_by
        assert newer.year is not None
        assert newer.year >= card.year


def test_the_reports_five_are_history() -> None:
    assert all(card.replaced_by for card in Catalog().cards() if card.published_as)


@pytest.mark.parametrize(
    "wrong",
    [
        {"replaced_by": ["qwen3-vl-2b"]},
        {"year": 2025, "replaced_by": ["mine"]},
        {"year": 1999},
        {"year": 2025, "replaced_by": ["qwen3-vl-2b", "qwen3-vl-2b"]},
    ],
    ids=["no year", "itself", "too early", "twice"],
)
def test_a_year_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    card = Catalog().card("glimpse").model_dump() | {"name": "mine", "year": None} | wrong
    with pytest.raises(ValidationError):
        ModelCard.model_validate(card)


def test_a_model_that_needs_its_own_prompt_says_it() -> None:
    ocr = Catalog().card("glm-ocr")
    assert '"Text Recognition:"' in " ".join(ocr.quirks)
    assert ocr.limits


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
