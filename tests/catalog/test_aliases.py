"""Other names of models."""

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import RunningServer
from viewfinder.core.errors import BadRequest, UnknownModel


def test_an_alias_is_its_model() -> None:
    catalog = Catalog(aliases={"gpt-4o": "glimpse", "openai/gpt-4o-mini": "gpt-4o"})
    catalog.check_aliases()
    assert catalog.get("gpt-4o") == catalog.get("openai/gpt-4o-mini") == catalog.get("glimpse")
    assert catalog.other_names() == {"gpt-4o": "glimpse", "openai/gpt-4o-mini": "glimpse"}
    assert "gpt-4o" not in catalog.names()


def test_an_alias_may_leave_the_choice_to_us() -> None:
    catalog = Catalog(aliases={"gpt-4o": "auto:best", "gpt-4": "gpt-4o"})
    catalog.check_aliases()
    assert (catalog.meant("gpt-4"), catalog.other_names()) == ("auto:best", {})


def test_an_alias_of_a_repository_means_its_variants_alone() -> None:
    catalog = Catalog()
    card = next(card for card in catalog.cards() if len({one.repo for one in card.variants}) > 1)
    repo = card.variants[-1].repo
    aliased = Catalog(aliases={"mine": repo})
    aliased.check_aliases()
    assert aliased.get("mine") == catalog.get(repo) != catalog.get(card.name)


def test_a_variant_can_be_chosen_by_an_alias() -> None:
    catalog = Catalog(aliases={"gpt-4o": "glimpse"}, wanted={"gpt-4o": "mlx-f16"})
    assert [variant.name for variant in catalog.get("glimpse").variants] == ["mlx-f16"]


@pytest.mark.parametrize(
    ("aliases", "says"),
    [
        ({"gpt-4o": "glimse"}, "stands for 'glimse', and there is no such model. Did you mean glimpse?"),
        ({"a": "b", "b": "c", "c": "a"}, "The aliases a > b > c > a lead in a circle."),
        ({"a": "b", "b": "b"}, "The aliases a > b > b lead in a circle."),
        ({"glimpse": "smolvlm-500m"}, "The alias 'glimpse' would hide the model of that name."),
        ({"viewfinder/glimpse": "glimpse"}, "The alias 'viewfinder/glimpse' would hide"),
        ({"far": "glimpse"}, "The alias 'far' would hide"),
        ({"a": "auto:worst"}, "The alias 'a' stands for 'auto:worst', and there is no such model."),
        ({"auto:best": "glimpse"}, "The alias 'auto:best' is a name of Viewfinder's own."),
        ({"hf:a/b": "glimpse"}, "is no name that requests can have"),
        ({"../x": "glimpse"}, "is no name that requests can have"),
        ({"a b": "glimpse"}, "is no name that requests can have"),
        ({"a\n": "glimpse"}, "is no name that requests can have"),
    ],
)
def test_an_alias_of_no_use_is_an_error_at_the_start(aliases: dict[str, str], says: str) -> None:
    server = RunningServer(base_url="http://127.0.0.1:9", model="x")
    catalog = Catalog(endpoints={"far": server}, aliases=aliases)
    with pytest.raises(BadRequest) as refused:
        catalog.check_aliases()
    assert says in str(refused.value)
    assert "[aliases]" in refused.value.hint
    assert refused.value.param is not None


def test_a_loop_that_was_not_checked_is_an_unknown_model() -> None:
    with pytest.raises(UnknownModel, match="no model named 'a'"):
        Catalog(aliases={"a": "b", "b": "a"}).get("a")


def test_a_similar_alias_is_proposed() -> None:
    with pytest.raises(UnknownModel, match="Did you mean gpt-4o"):
        Catalog(aliases={"gpt-4o": "glimpse"}).get("gpt-4oo")


def test_a_model_from_a_file_does_not_take_the_name_of_an_alias(tmp_path) -> None:
    catalog = Catalog(aliases={"mine": "glimpse"})
    assert catalog._free_name("mine") == "mine-2"
