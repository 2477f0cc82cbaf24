"""Engines by name."""

import pytest

from viewfinder.core.errors import EngineMissing
from viewfinder.engines.registry import engine_named, engines


def test_ours_is_there() -> None:
    assert engines()["llama.cpp"].name == "llama.cpp"


def test_an_unknown_name_says_which_are_known() -> None:
    with pytest.raises(EngineMissing, match=r"llama\.cpp"):
        engine_named("nonesuch")
