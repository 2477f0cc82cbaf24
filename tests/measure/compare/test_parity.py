"""Agreement of two engines, counted by hand."""

from typing import Any

from tests.measure.store.test_store import result, sample
from viewfinder.client.exchange import Exchange
from viewfinder.measure.compare.parity import compare
from viewfinder.measure.store.rows import Sample

ONE, OTHER = result(variant="llama.cpp"), result(variant="mlx")


def said(text: str, question: str, **more: Any) -> Sample:
    return sample(question=question, exchange=Exchange(started_s=0.0, finished_s=1.0, text=text), **more)


def test_only_what_both_were_asked_counts() -> None:
    mine = [said("Red.", "What color?"), said("2.", "How many?"), said("A star.", "What shape?")]
    theirs = [said(" red. ", "What color?"), said("3.", "How many?"), said("Yes.", "Is there one?")]
    parity = compare(ONE, mine, OTHER, theirs)
    assert parity is not None
    assert (parity.same, parity.asked) == (1, 2)
    assert not parity.gate.passed


def test_the_same_question_about_another_image_is_another_question() -> None:
    assert compare(ONE, [said("2.", "?", scene="a")], OTHER, [said("2.", "?", scene="b")]) is None


def test_answers_that_follow_on_earlier_ones_are_left_out() -> None:
    mine = [said("2.", "How many?", scenario="follow-up")]
    assert compare(ONE, mine, OTHER, mine) is None
