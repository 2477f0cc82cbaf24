"""Shares, differences and first losses of made-up answers, by hand; whole dialogues are in `test_ask`."""

import dataclasses

import pytest

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.dialogues import find
from viewfinder.measure.measures.dialogues.counts import COUNTS
from viewfinder.measure.measures.dialogues.recall import (
    BLIND,
    NEVER,
    RESENT,
    SINGLE,
    TEXT_ONLY,
    Recall,
    headline,
    is_settled,
    scenario_of,
)
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import clusters
from viewfinder.measure.store.rows import Sample

VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)


def said(
    dialogue: str, arm: str, role: str, *, right: bool = True, text: str = "Red.", error: str = ""
) -> Sample:
    exchange = Exchange(0.0, 1.0, text=text, error=error)
    scenario = scenario_of(arm, role)
    return Sample("run", "m", 0, scenario, "?", exchange, scene=dialogue, expected="Red.", right=right)


def about(dialogue: str, alone: str, resent: str, removed: str = "", blind: str = "") -> list[Sample]:
    """Of the roles d1, d2, d4 ... one letter each: y right, n wrong, - not asked, e an error."""
    answers = []
    for arm, letters in ((SINGLE, alone), (RESENT, resent), (TEXT_ONLY, removed), (BLIND, blind)):
        for role, letter in zip(("d1", "d2", "d4", "d6", "d8"), letters, strict=False):
            if letter != "-":
                error = "engine_refused: no" if letter == "e" else ""
                answers.append(said(dialogue, arm, role, right=letter == "y", error=error))
    return answers


def judge(answers: list[Sample]) -> Dialogues:
    return find.dialogues([ProcessLog(1, answers)], COUNTS["standard"], VARIANT)


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def test_only_what_is_seen_can_be_kept_and_intervals_are_over_dialogues() -> None:
    answers = about("a", "yyny", "yynn") + about("b", "yyyy", "ynyy") + about("c", "nnnn", "yyyy")
    result = judge(answers)
    kept = figure(result.retention)
    expected = clusters.share([2, 3], [3, 4])
    assert (kept.value, kept.low, kept.high) == pytest.approx([100 * number for number in expected])
    assert (kept.n, kept.unit) == (7, "%")
    assert "7 answers in 2 dialogues" in kept.how
    assert figure(result.eyesight).value == pytest.approx(100 * 7 / 12)
    assert figure(result.by_distance[2]).value == 50.0
    assert isinstance(result.by_distance[8], Missing)


def test_differences_are_of_the_same_facts_and_have_their_sign() -> None:
    answers = about("a", "yyyy", "yyyy", "ynn-", "nnyn") + about("b", "yyyy", "yyny", "yyyy", "nnnn")
    result = judge(answers)
    gap = figure(result.text_gap)
    assert (gap.value, gap.n, gap.unit) == (pytest.approx(100 * (2 - 1) / 7), 7, "points")
    assert figure(result.blind_corrected_gain).value == pytest.approx(100 * (7 - 1) / 8)
    assert figure(result.text_memory).value == pytest.approx(100 * 5 / 7)


def test_a_fact_is_compared_with_itself_around_the_second_image() -> None:
    answers = about("a", "yy", "yy") + about("b", "yy", "ny") + about("c", "ny", "yy")
    for dialogue, role, right in (("a", "d2", False), ("b", "d1", True), ("c", "d1", False)):
        answers.append(said(dialogue, RESENT, f"first/{role}", right=right))
    result = judge(answers)
    lost = figure(result.interference)
    assert (lost.value, lost.n) == (0.0, 2), "one lost, one found again; the third was never seen"


def test_a_swap_is_the_seconds_value_and_no_other() -> None:
    answers = []
    for dialogue, reply in (("a", "Blue."), ("b", "It is green."), ("c", "Red or blue."), ("d", "Blue")):
        second = said(f"{dialogue}/second/3", RESENT, "second")
        answers += [
            said(dialogue, RESENT, "first/d1", right=False, text=reply),
            dataclasses.replace(second, expected="Blue."),
        ]
    answers.append(said("e", RESENT, "first/d1", text="Blue."))
    swaps = figure(judge(answers).swaps)
    assert (swaps.value, swaps.n) == (50.0, 4), "what the second image shows is not known of the last"


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [("Yes.", True), ("Yes, it is red.", True), ("No, it is blue.", False), ("It is blue.", False)],
)
def test_a_premise_is_accepted_by_a_yes(reply: str, accepted: bool) -> None:
    result = judge([said("a", RESENT, "false-premise", text=reply)])
    assert figure(result.false_premises_accepted).value == 100 * accepted
    assert isinstance(result.true_premises_accepted, Missing)


@pytest.mark.parametrize(
    ("alone", "resent", "turn"),
    [
        ("yyyyy", "yyyyy", [NEVER]),
        ("yyyyy", "yynny", [5]),
        ("ynyyy", "ynyyn", [9]),
        ("nnnnn", "nnnnn", []),
        ("yyyyy", "yye--", []),
        ("yyyyy", "yne--", [3]),
    ],
    ids=["kept", "lost", "not seen, so not lost", "nothing seen", "cut short", "lost, then cut short"],
)
def test_the_first_loss_of_a_dialogue(alone: str, resent: str, turn: list[int]) -> None:
    assert Recall(about("a", alone, resent)).first_losses() == turn


def test_the_mean_first_loss_has_an_interval_from_twenty_dialogues_on() -> None:
    def half_of(count: int) -> list[Sample]:
        numbers = range(count)
        return [one for number in numbers for one in about(f"{number}", "yy", "yn" if number % 2 else "yy")]

    short = figure(judge(half_of(10)).first_loss)
    assert (short.value, short.low, short.high, short.is_range) == (7.0, 3, 11, True)
    assert "needs 20 dialogues" in short.how
    long = figure(judge(half_of(30)).first_loss)
    assert long.value == 7.0
    assert 5 < long.low < 6.5
    assert 7.5 < long.high < 9
    assert "15 lost one" in long.how


def test_without_answers_every_figure_is_missing() -> None:
    result = judge([])
    measured = [getattr(result, name) for name in type(result).model_fields]
    measured += result.by_distance.values()
    assert [one for one in measured if isinstance(one, Figure)] == []
    assert sum(isinstance(one, Missing) for one in measured) == 19
    assert result.ended == "the time was over"


def test_the_headline_is_settled_by_its_half_width_alone() -> None:
    few = [answer for number in range(22) for answer in about(f"{number}", "yyyy", "yyyy")]
    many = [answer for number in range(44) for answer in about(f"{number}", "yyyy", "yyyy")]
    assert not is_settled(headline(Recall(few)), 5.0)
    assert is_settled(headline(Recall(many)), 5.0)
    assert not is_settled(headline(Recall(many)), 0.0)
    assert not is_settled(headline(Recall([])), 5.0)
    assert judge(few).ended.endswith("takes up to 60 dialogues")
