"""Rows about dialogues: each figure with its interval, each reason, nothing where none were held."""

from typing import Any

from tests.measure.measures.plain_writer import PlainWriter
from tests.report.conftest import Make
from viewfinder.catalog.published import published
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.dialogues.find import FACTS_KEPT
from viewfinder.measure.measures.dialogues.page import rows
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.results import ModelResult
from viewfinder.report.advice import advise
from viewfinder.report.document import write_guide
from viewfinder.report.figures import brief


def held(make: Make, value: float = 95.0, **changed: Any) -> Dialogues:
    share, points = make.figure(value, 3.0, "%", 616), make.figure(2.0, 1.0, "points", 616)
    fields: dict[str, Any] = dict.fromkeys(Dialogues.model_fields, share)
    fields |= dict.fromkeys(("text_gap", "interference", "blind_corrected_gain"), points)
    fields |= {
        "by_distance": {8: make.figure(90.0, 4.0, "%", 77), 1: make.figure(99.0, 1.0, "%", 154)},
        "first_loss": make.figure(10.5, 0.2, "turns", 154),
        "dialogues": 154,
        "failed": 0,
        "failure": "",
        "ended": "the suite has no more",
    }
    return Dialogues(**(fields | changed))


def test_nothing_is_printed_of_what_is_no_part_of_the_suite(make: Make) -> None:
    assert make.result().figures[FACTS_KEPT] == Missing(missing="the suite has no dialogues")
    assert "Context:" not in write_guide([make.result()], published())


def test_every_figure_has_a_row_with_its_interval(make: Make) -> None:
    context = held(make)
    found = dict(rows(context, PlainWriter()))
    figures = [getattr(context, name) for name in Dialogues.model_fields]
    shown = [brief(one) for one in [*figures, *context.by_distance.values()] if isinstance(one, Figure)]
    assert sorted(value for item, value in found.items() if item != "Context: dialogues") == sorted(shown)
    assert list(found)[:3] == [
        "Context: facts kept (%)",
        "Context: kept, image 1 turn ago (%)",
        "Context: kept, image 8 turns ago (%)",
    ]
    assert found["Context: dialogues"] == "154: the suite has no more"


def test_failed_requests_stand_beside(make: Make) -> None:
    context = held(make, failed=3, failure="engine_refused: too long")
    words = dict(rows(context, PlainWriter()))["Context: dialogues"]
    assert words.endswith("; 3 requests failed, the first: engine_refused: too long")


def test_why_there_were_no_dialogues_is_a_footnote(make: Make) -> None:
    guide = write_guide([make.result(dialogues=Missing(missing="this variant takes no images"))], published())
    assert "| Context | —[^" in guide
    assert "Not measured: this variant takes no images" in guide


def test_the_guide_has_the_rows(make: Make) -> None:
    guide = write_guide([make.result(dialogues=held(make))], published())
    assert "| Context: facts kept (%) | 95.0 (92.0 to 98.0, n=616)[^" in guide


def best(results: list[ModelResult]) -> tuple[list[str], str]:
    (advice,) = [advice for advice in advise(results) if advice.use == "Best context"]
    return [pick.label.split(" ")[0] for pick in advice.picks], advice.rule


def test_the_best_context_goes_by_facts_kept_where_all_were_asked(make: Make) -> None:
    first = make.result("first", follow_up=make.gate(30, 30), dialogues=held(make, 80.0))
    second = make.result("second", follow_up=make.gate(27, 30), dialogues=held(make, 95.0))
    names, rule = best([first, second])
    assert names == ["second"]
    assert rule.endswith("facts kept in dialogues of ten turns, of those right when asked alone.")


def test_the_best_context_goes_by_the_gate_where_one_was_not_asked(make: Make) -> None:
    first = make.result("first", follow_up=make.gate(300, 300))
    second = make.result("second", follow_up=make.gate(270, 300), dialogues=held(make, 95.0))
    names, rule = best([first, second])
    assert names == ["first"]
    assert rule.endswith("right answers to follow-up questions.")


def test_the_follow_up_gate_stays(make: Make) -> None:
    failed = make.result(follow_up=make.gate(3, 30), dialogues=held(make, 100.0))
    assert best([failed])[0] == []
