"""The text-only questions and their answers."""

import random

import pytest

from viewfinder.scenes import knowledge


def test_twenty_capitals() -> None:
    assert len(knowledge.CAPITALS) == 20
    assert len(set(knowledge.CAPITALS.values())) == 20


@pytest.mark.parametrize("kind", ["capital", "sum"])
def test_each_kind_has_several_phrasings(kind: str) -> None:
    rng = random.Random(1)
    asked = {knowledge.ask_text(kind, rng) for _ in range(60)}
    assert len({question.text for question in asked}) >= 4
    assert all(question.kind == kind and question.answer for question in asked)


def test_sums_are_right() -> None:
    rng = random.Random(2)
    for _ in range(100):
        question = knowledge.ask_text("sum", rng)
        digits = [int(word) for word in question.text.rstrip("?.").split() if word.isdigit()]
        assert question.answer == f"{sum(digits)}."
