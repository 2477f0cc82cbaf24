"""What a cascade saves and costs, of two made-up models whose answers are known."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from viewfinder.client.exchange import Exchange
from viewfinder.measure.compare.cascades import worth_of
from viewfinder.measure.store.rows import Sample
from viewfinder.report.cascades import cascade_line, worthwhile

QUESTIONS = 400


def samples_of(model: str, yes: Any, truth: Any, took_s: float) -> list[Sample]:
    """Both orders of yes or no, of which each takes half of the time."""
    return [
        Sample(
            "run",
            model,
            2,
            f"decisions/predicate/{number}",
            "?",
            Exchange(0.0, took_s / 2, text="Yes", top_tokens=tops),
            f"s{at:04}",
            "yes" if truth[at] else "no",
            right=True,
        )
        for at in range(len(truth))
        for number in range(2)
        for tops in [(("Yes", math.log(yes[at])), ("No", math.log(1 - yes[at])))]
    ]


@pytest.fixture
def models(make: Any) -> tuple[Any, list[Sample], Any, list[Sample]]:
    """A small model that is right where it is sure, on half of the questions, and guesses the others; the
    better one is right on 95 % and takes four times as long."""
    rng = np.random.default_rng(3)
    truth = rng.random(QUESTIONS) < 0.5
    is_sure = np.arange(QUESTIONS) % 4 < 2
    guess = rng.random(QUESTIONS) < 0.5
    small = np.where(is_sure, np.where(truth, 0.98, 0.02), np.where(guess, 0.6, 0.4))
    is_wrong = rng.random(QUESTIONS) < 0.05
    better = np.where(truth != is_wrong, 0.9, 0.1)
    return (
        make.result(model="small"),
        samples_of("small", small, truth, 0.1),
        make.result(model="better"),
        samples_of("better", better, truth, 0.4),
    )


def test_the_planted_saving_and_loss_are_found(models: Any) -> None:
    worth = worth_of(*models)
    assert worth is not None
    assert (worth.asked, worth.kept) == (QUESTIONS, QUESTIONS / 2)
    assert worth.time == pytest.approx((0.1 + 0.5 * 0.4) / 0.4)
    assert worth.loss.value > 0, "where the small one is sure it is never wrong"
    assert worth.gain.low > 0.15
    assert worthwhile([worth]) == [worth]
    assert cascade_line(worth).startswith(
        "cascade:small,better (small (llama.cpp-f16), then better (llama.cpp-f16)): 50 % "
        "(45 to 55) of 400 questions need only the first; 0.75 times the time of the second alone; right "
    )
    assert "points more often than it" in cascade_line(worth)


def test_a_slower_one_is_no_first_model(models: Any) -> None:
    small, its, better, others = models
    assert worth_of(better, others, small, its) is None


def test_a_cascade_with_an_equal_is_not_told(models: Any) -> None:
    """Of two that are right alike, nothing is gained over the faster one alone."""
    small, its, better, _ = models
    slower = [replace(one, exchange=replace(one.exchange, finished_s=1.0)) for one in its]
    worth = worth_of(small, its, better, slower)
    assert worth is not None
    assert worthwhile([worth]) == []


def test_nothing_is_told_of_too_few_questions_or_of_others(models: Any) -> None:
    small, its, better, others = models
    assert worth_of(small, its[:60], better, others) is None
    assert worth_of(small, its, better, []) is None


def test_what_the_small_one_does_not_decide_is_the_betters(models: Any) -> None:
    small, its, better, others = models
    silent = [
        one
        if one.scene >= "s0100"
        else Sample(
            *[getattr(one, name) for name in ("run", "model", "process", "scenario", "question")],
            Exchange(0.0, 0.05),
            one.scene,
            one.expected,
            right=False,
        )
        for one in its
    ]
    worth = worth_of(small, silent, better, others)
    assert worth is not None
    assert (worth.asked, worth.kept) == (QUESTIONS, 150)
