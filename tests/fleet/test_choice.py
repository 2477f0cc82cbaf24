"""Which variant is taken, and why: every line of the table at the top of `choice.py`."""

from typing import Any

import pytest

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.errors import EngineMissing
from viewfinder.engines import registry
from viewfinder.engines.base import Engine
from viewfinder.fleet.choice import (
    EngineState,
    MeasuredVariant,
    Option,
    Snapshot,
    as_measured,
    choose,
    choose_variant,
    look,
)
from viewfinder.host.hardware import METAL, this_machine

GB = 1_000_000_000
VERSIONS = {"llama.cpp": "2026.10.11549", "mlx": "0.7.10", "transformers": "5.23.0"}


def state(name: str, version: str | None, gpu: str = "") -> EngineState:
    machine = this_machine().model_copy(update={"gpu": gpu})
    return EngineState(registry.engines()[name], version, machine)


def all_engines(gpu: str = "") -> dict[str, EngineState]:
    return {name: state(name, version, gpu) for name, version in VERSIONS.items()}


ALL = all_engines()
APPLE = all_engines(f"M3 {METAL}")


def snapshot(**changed: Any) -> Snapshot:
    """A Linux computer with every engine, room for everything and no files."""
    fields: dict[str, Any] = {"engines": ALL, "memory_bytes": 64 * GB, "free_bytes": 60 * GB}
    return Snapshot(**(fields | changed))


def variant(engine: str, name: str = "", **changed: Any) -> Variant:
    fields = {"name": name or engine, "engine": engine, "repo": f"tests/{name or engine}", "source": "hub"}
    declared = {"download_bytes": GB, "vision": True, "text": True}
    return Variant.model_validate(fields | declared | changed)


def card(*variants: Variant, **changed: Any) -> ModelCard:
    fields = {"name": "model", "title": "Model", "license": "MIT", "summary": "A test."}
    return ModelCard.model_validate(fields | changed | {"variants": variants})


class Odd(Engine):
    """A third party's engine that states nothing but what it must."""

    name, install = "odd", "pip install odd"

    def find(self) -> None:
        return None

    def launch(self, *_: object) -> Any:
        raise NotImplementedError


THREE = card(variant("transformers"), variant("mlx"), variant("llama.cpp"))


def names(options: list[Option]) -> list[str]:
    return [option.variant.name for option in options]


def test_apple_silicon_and_other_machines_have_their_order() -> None:
    assert names(choose(THREE, snapshot())) == ["llama.cpp", "transformers", "mlx"]
    apple = choose(THREE, snapshot(engines=APPLE))
    assert names(apple) == ["mlx", "llama.cpp", "transformers"]
    assert apple[0].why == "best on this machine: MLX"
    assert apple[1].why == "MLX comes before llama.cpp on this machine"


def test_a_card_may_prefer_another_order() -> None:
    own = THREE.model_copy(update={"prefer": ("transformers", "mlx")})
    options = choose(own, snapshot())
    assert names(options) == ["transformers", "mlx", "llama.cpp"]
    assert options[0].why == "its card prefers transformers"
    assert options[1].why == "transformers comes before MLX in its card"


def test_files_that_are_here_come_before_a_better_engine() -> None:
    options = choose(THREE, snapshot(here=frozenset({"mlx"})))
    assert names(options)[0] == "mlx"
    assert options[0].why == "its files are here"
    assert options[1].why == "its files are not here"


def test_what_memory_cannot_hold_comes_later_and_is_said() -> None:
    large = card(variant("llama.cpp", download_bytes=20 * GB), variant("mlx"))
    options = choose(large, snapshot(memory_bytes=8 * GB, free_bytes=8 * GB))
    assert names(options) == ["mlx", "llama.cpp"]
    assert options[0].why == "it fits into memory"
    assert options[1].why == "it needs about 24.3 GB of memory, and models may use 8.0 GB here"
    assert (options[0].fits, options[1].fits) == (True, False)


def test_the_only_one_is_taken_though_it_does_not_fit_and_says_so() -> None:
    (only,) = choose(card(variant("llama.cpp", download_bytes=20 * GB)), snapshot(memory_bytes=8 * GB))
    assert only.chosen
    assert only.why.endswith("; it needs about 24.3 GB of memory, and models may use 8.0 GB here")


def test_memory_that_is_not_free_now_is_said_and_changes_nothing() -> None:
    """What is free changes with every model that is up: a choice must not flip between two requests."""
    options = choose(THREE, snapshot(free_bytes=GB))
    assert names(options)[0] == "llama.cpp"
    assert options[0].why.endswith("; it needs about 1.5 GB of memory, and 1.0 GB are free now")


def test_a_size_that_nobody_knows_is_not_judged() -> None:
    (only,) = choose(card(variant("llama.cpp", download_bytes=None)), snapshot(memory_bytes=1))
    assert (only.fits, only.chosen) == (None, True)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (MeasuredVariant("2026.10.11549", failed=True), "it failed when it was measured here"),
        (
            MeasuredVariant("2026.10.11549", vision=False, text=True),
            "it did not pass the image questions here",
        ),
        (
            MeasuredVariant("2026.10.11549", vision=False, text=False),
            "it did not pass the image and text questions",
        ),
    ],
)
def test_what_fell_short_when_measured_here_comes_later(found: MeasuredVariant, said: str) -> None:
    options = choose(THREE, snapshot(measured={"llama.cpp": found}))
    assert names(options) == ["transformers", "mlx", "llama.cpp"]
    assert options[0].why == "best on this machine: transformers"
    assert options[-1].why.startswith(said)


def test_what_was_measured_with_another_version_of_the_engine_does_not_count() -> None:
    options = choose(THREE, snapshot(measured={"llama.cpp": MeasuredVariant("2026.1.1", failed=True)}))
    assert names(options)[0] == "llama.cpp"


def test_what_a_card_does_not_declare_cannot_fall_short() -> None:
    blind = card(variant("llama.cpp", vision=False), variant("mlx"))
    found = {"llama.cpp": MeasuredVariant("2026.10.11549", vision=False, text=True)}
    assert names(choose(blind, snapshot(measured=found)))[0] == "llama.cpp"


def test_files_that_are_here_are_used_though_they_fell_short_and_it_is_said() -> None:
    found = {"llama.cpp": MeasuredVariant("2026.10.11549", failed=True)}
    options = choose(THREE, snapshot(here=frozenset({"llama.cpp"}), measured=found))
    assert names(options)[0] == "llama.cpp"
    assert options[0].why == "its files are here; it failed when it was measured here"


def test_of_one_engine_the_first_in_the_card() -> None:
    options = choose(card(variant("mlx", "mlx-8bit"), variant("mlx", "mlx-4bit")), snapshot())
    assert names(options) == ["mlx-8bit", "mlx-4bit"]
    assert [option.why for option in options] == ["first in its card", "later in its card"]


def test_an_engine_of_a_third_party_comes_after_ours() -> None:
    engines = ALL | {"odd": EngineState(Odd(), "1", this_machine())}
    options = choose(card(variant("odd"), variant("mlx")), snapshot(engines=engines))
    assert names(options) == ["mlx", "odd"]


def test_what_is_not_served_not_installed_or_unknown_is_never_chosen() -> None:
    engines = {"llama.cpp": state("llama.cpp", None), "mlx": ALL["mlx"]}
    here = frozenset({"llama.cpp", "transformers", "no"})
    odd = card(*THREE.variants, variant("mlx", "no", not_served="It has no processor."))
    options = choose(odd, snapshot(engines=engines, here=here))
    assert [option.variant.name for option in options if option.chosen] == ["mlx"]
    why = {option.variant.name: option.why for option in options}
    assert why == {
        "mlx": "the only one that can run here",
        "llama.cpp": "llama.cpp is not installed",
        "transformers": "there is no engine transformers (known: llama.cpp, mlx)",
        "no": "not served: It has no processor",
    }


def test_a_version_that_a_known_issue_refuses_is_never_chosen() -> None:
    """mlx-vlm up to 0.4.0 failed at every second image to LLaVA-NeXT."""
    old = APPLE | {"mlx": state("mlx", "0.4.0")}
    llava = Catalog().get("llava-1.6-mistral-7b")
    options = choose(llava, snapshot(engines=old, here=frozenset({"mlx-4bit"})))
    assert names(options)[0] == "llama.cpp-q4_k_m"
    refused = options[-1]
    assert refused.variant.name == "mlx-4bit"
    assert "mlx 0.4.0 has a known issue with it, fixed in 0.4.1" in refused.why
    assert refused.fix == "pip install --upgrade 'mlx-vlm>=0.4.1'"
    assert names(choose(llava, snapshot(engines=APPLE)))[0] == "mlx-4bit"


def test_a_model_of_the_same_architecture_without_a_card_is_refused_too() -> None:
    old = {"mlx": state("mlx", "0.4.0")}
    (option,) = choose(card(variant("mlx", model_type="llava_next")), snapshot(engines=old))
    assert not option.chosen


def test_a_version_that_was_not_tried_is_used_and_said() -> None:
    newer = {"mlx": state("mlx", "0.9.0")}
    (option,) = choose(card(variant("mlx")), snapshot(engines=newer))
    assert option.chosen
    assert option.why.endswith("; MLX 0.9.0 was not tested (>=0.7.10,<0.8 was)")


def test_a_machine_with_an_nvidia_card_is_pointed_to_the_doctor() -> None:
    assert "viewfinder doctor" in choose(THREE, snapshot(engines=all_engines("NVIDIA L4")))[0].why


@pytest.mark.parametrize("model", Catalog().cards(), ids=lambda card: card.name)
def test_every_card_has_a_choice_on_a_mac_and_on_linux_with_all_engines(model: ModelCard) -> None:
    for engines in (APPLE, ALL):
        best = choose(model, snapshot(engines=engines, memory_bytes=16 * GB))[0]
        assert best.chosen, best.why
        assert best.fits


def test_this_machine_runs_glimpse_with_llama_cpp() -> None:
    found, engine = choose_variant(Catalog().get("glimpse"))
    assert (found.name, engine.name) == ("llama.cpp-f16", "llama.cpp")


def test_looking_sees_what_is_installed_and_here() -> None:
    seen = look(
        Catalog().get("glimpse"),
        {("glimpse", "llama.cpp-f16"): MeasuredVariant("1"), ("x", "y"): MeasuredVariant("1")},
    )
    assert seen.engines["llama.cpp"].version
    assert "llama.cpp-f16" in seen.here
    assert list(seen.measured) == ["llama.cpp-f16"]
    assert 0 < seen.free_bytes < this_machine().memory_bytes
    assert 0 < seen.memory_bytes < this_machine().memory_bytes


def test_a_card_of_an_unknown_engine_says_which_are_known() -> None:
    glimpse = Catalog().get("glimpse")
    odd = glimpse.variants[0].model_copy(update={"engine": "no-such-engine"})
    with pytest.raises(EngineMissing, match=r"no-such-engine.*llama\.cpp"):
        choose_variant(glimpse.narrowed([odd]))


def test_nothing_installed_names_the_line_that_fixes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, engine in registry.engines().items():
        monkeypatch.setattr(type(engine), "find", lambda self: None)
        assert name
    with pytest.raises(EngineMissing, match="pip install xllamacpp"):
        choose_variant(Catalog().get("glimpse").narrowed(Catalog().get("glimpse").variants[:1]))


def test_what_is_only_listed_says_why_when_it_is_asked_for() -> None:
    with pytest.raises(EngineMissing, match="not served: Transformers 5 has no") as raised:
        choose_variant(Catalog().get("microsoft/Phi-3.5-vision-instruct"))
    assert "viewfinder models phi-3.5-vision" in raised.value.hint


def test_what_was_measured_overrides_what_the_card_declares() -> None:
    one = card(variant("mlx"))
    blind = {("model", "mlx"): MeasuredVariant("0.7.10", vision=False, text=True, blind=True)}
    seen = as_measured(one, one.variants[0], "0.7.10", blind)
    assert (seen.vision, seen.text) == (False, True)


def test_wrong_answers_take_no_capability_away_and_a_new_version_gets_a_new_chance() -> None:
    one = card(variant("mlx"))
    wrong = {("model", "mlx"): MeasuredVariant("0.7.10", vision=False, text=False)}
    assert as_measured(one, one.variants[0], "0.7.10", wrong) == one.variants[0]
    blind = {("model", "mlx"): MeasuredVariant("0.7.10", blind=True, speechless=True)}
    assert as_measured(one, one.variants[0], "0.7.11", blind) == one.variants[0]
