"""Errors carry the hint that fixes them."""

import inspect
import re

import pytest

from viewfinder.core import errors
from viewfinder.core.errors import AlreadyRunning, BadRequest, Busy, EngineError, ViewfinderError

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ViewfinderError) and kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_has_its_own_code_and_is_in_the_tree(kind: type[ViewfinderError]) -> None:
    assert re.fullmatch(r"[a-z_]+", kind.code)
    assert [other for other in KINDS if other.code == kind.code] == [kind]
    assert kind.__name__ in (errors.__doc__ or "")


def test_exit_codes() -> None:
    assert [kind.exit_code for kind in (EngineError, BadRequest, AlreadyRunning)] == [1, 2, 3]


def test_an_error_reads_as_a_sentence_and_its_hint() -> None:
    error = BadRequest("It is wrong.", hint="Fix it.", param="port", code="narrow")
    assert str(error) == "It is wrong. Fix it."
    assert (error.reason, error.param) == ("narrow", "port")
    assert Busy("Later.").retry_after_s == 1.0
