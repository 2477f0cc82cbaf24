"""Engines by name."""

import pytest

from viewfinder.api.doctor import check_all
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineMissing
from viewfinder.engines import registry
from viewfinder.engines.base import LAST
from viewfinder.engines.registry import engine_named, engines
from viewfinder.fleet.choice import choose_variant
from viewfinder.host.hardware import this_machine


def test_llama_cpp_is_known() -> None:
    assert engines()["llama.cpp"].name == "llama.cpp"


def test_an_unknown_name_says_which_are_known() -> None:
    with pytest.raises(EngineMissing, match=r"llama\.cpp"):
        engine_named("nonesuch")


def test_an_engine_that_states_only_what_it_must_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An engine written for an earlier contract made every model fail."""

    class Odd:
        name, install = "odd", "pip install odd"

        def find(self) -> None:
            return None

    class Point:
        name = "odd"

        def load(self) -> type:
            return Odd

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    odd = registry.engines()["odd"]
    assert (odd.title, odd.libraries, odd.rank(this_machine())) == ("odd", (), LAST)
    assert odd.version(EngineSettings()) == ""
    assert choose_variant(Catalog().get("glimpse"))[0].name == "llama.cpp-f16"
    assert "engine odd" in {check.about for check in check_all(settings=Settings(port=0))}
