"""The score of the user's own questions from a run of their own, beside the newest whole result."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.measure.measures.own_images.scored import VQA_RUN, own
from tests.measure.store.test_store import RUN, result, sample
from viewfinder.measure import results
from viewfinder.measure.compare import own_score
from viewfinder.measure.compare.evidence import evidence_of
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store


def of(results: Sequence[ModelResult]) -> list[tuple[str, object, str]]:
    """Of each that counts: its run, its score, and the run of the score if it is another."""
    found = ((one, one.figures[OWN_QUESTIONS]) for one in own_score.joined(results))
    return [(one.run, getattr(score, "value", None), one.own_run) for one, score in found]


def only(run: str, percent: float | None, **more: object) -> ModelResult:
    """Of `bench --vqa FOLDER --only`."""
    score = Missing(missing="it was not reached") if percent is None else own(percent)
    return result(run=run, status="not judged", found={"own_images": score}, **more)


def whole(run: str, percent: float | None = None, **more: object) -> ModelResult:
    made = result(run=run, **more)
    return (
        made
        if percent is None
        else made.model_copy(update={"found": {**made.found, "own_images": own(percent)}})
    )


def test_a_run_of_own_questions_hides_no_whole_result_and_is_not_hidden_by_one() -> None:
    assert of([whole("w2"), whole("w1")]) == [("w2", None, ""), ("w1", None, "")]
    assert of([only("o1", 80), whole("w1")]) == [("w1", 80, "o1")]
    assert of([whole("w1"), only("o1", 80)]) == [("w1", 80, "o1")]
    assert of([only("o1", 80), whole("w1", 60)]) == [("w1", 80, "o1")]
    assert of([whole("w1", 60), only("o1", 80)]) == [("w1", 60, "")]


def test_the_previous_result_has_the_previous_score() -> None:
    history = [only("o2", 90), whole("w2"), only("o1", 80), whole("w1", 70)]
    assert of(history) == [("w2", 90, "o2"), ("w1", 80, "o1")]
    assert of([whole("w2"), whole("w1", 70)]) == [("w2", 70, "w1"), ("w1", 70, "")]


def test_without_a_whole_result_those_of_own_questions_count() -> None:
    assert of([only("o2", 90), only("o1", 80)]) == [("o2", 90, ""), ("o1", 80, "")]
    assert of([only("o2", None), only("o1", 80)]) == [("o1", 80, "")]
    assert of([only("o2", None), only("o1", None)]) == [("o2", None, ""), ("o1", None, "")]


def test_a_failure_among_own_questions_hides_nothing() -> None:
    failed = only("o2", None, failure="it died").model_copy(update={"status": "failed"})
    assert of([failed, only("o1", 80), whole("w1")]) == [("w1", 80, "o1")]


def test_an_incomplete_result_counts_only_where_there_is_no_other() -> None:
    broken_off = whole("w2", status="incomplete")
    assert of([only("o1", 80), broken_off, whole("w1")]) == [("w1", 80, "o1")]
    assert of([only("o1", 80), broken_off]) == [("w2", 80, "o1")]


def test_the_result_says_where_its_score_is_from() -> None:
    [joined] = own_score.joined([only("o1", 80, engine_version="b2"), whole("w1", engine_version="b1")])
    assert joined.notes == (
        "Your own questions were asked in another run, o1 of 2026-01-01T00:00:00+00:00, on x b2.",
    )
    assert joined.status == "verified"


def test_its_evidence_has_the_answers_of_that_run_and_of_no_other(tmp_path: Path) -> None:
    """And all samples seem to be of one run: processes of one run are compared side by side."""
    with Store(tmp_path / "results.sqlite") as store:
        store.begin(RUN)
        store.begin(replace(RUN, run=VQA_RUN))
        store.add(sample(right=True))
        store.add(sample(scenario="vqa", scene="old", right=True))
        store.add(replace(sample(scenario="vqa", scene="new", right=False), run=VQA_RUN))
        store.add(replace(sample(scenario="vision", scene="not this", right=False), run=VQA_RUN))
        for one in (whole("run1", 100), only(VQA_RUN, 0)):
            results.add(store, one)
        [joined] = own_score.joined(results.readable(store.history("glimpse", "x")))
        evidence = evidence_of(store, joined)
    assert evidence.answers(OWN_QUESTIONS) == {("new", "What? "): False}
    assert list(evidence.answers("right image answers").values()) == [True]
    assert {one.run for one in evidence.samples} == {"run1"}
