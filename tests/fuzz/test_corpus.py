"""Every input that fuzzing has kept goes through its target again, and what one target is held to."""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from viewfinder.core.errors import BadRequest

from . import oracle
from .oracle import Defect, attempt
from .table import BY_NAME, CORPUS, TARGETS, Target

MOST_BYTES = 300_000
"""Of the whole corpus: it is part of every clone."""


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_corpus(target: Target) -> None:
    files = target.kept()
    assert files, f"none is kept; make them with: python -m tests.fuzz keep {target.name}"
    for data in (b"", *target.seeds(), *(file.read_bytes() for file in files)):
        target.check(data)


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    files = [file for file in CORPUS.rglob("*") if file.is_file()]
    assert {file.parent.name for file in files} == BY_NAME.keys()
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES


def test_a_target_that_takes_too_long_is_a_defect() -> None:
    def burn(data: bytes) -> None:
        ends_s = time.thread_time() + 0.02
        while time.thread_time() < ends_s:
            pass

    slow = replace(TARGETS[0], function=burn)
    slow.check(b"", limit_s=5.0)
    with pytest.raises(Defect, match="processor time"):
        slow.check(b"", limit_s=0.01)


@pytest.mark.parametrize(
    ("message", "code"), [("", "a_code"), ("x" * 1001, "a_code"), ("It failed.", "Not a code")]
)
def test_an_error_that_says_nothing_readable_is_a_defect(message: str, code: str) -> None:
    def refuse() -> None:
        raise BadRequest(message, code=code)

    with pytest.raises(Defect):
        attempt(refuse, BadRequest)


def test_an_error_that_controls_the_terminal_is_a_defect() -> None:
    oracle.require_harmless(BadRequest("It failed: 'caf\u00e9'."))
    with pytest.raises(Defect, match="terminal"):
        oracle.require_harmless(BadRequest("It failed: '\x1b[2J'."))


def test_an_error_that_nobody_foresaw_is_one() -> None:
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 // 0, BadRequest)
