"""Rows about dialogues: each figure with its interval, each reason, nothing where none were held."""

from typing import Any

from tests.measure.measures.shown import items, shown, shown_rows
from tests.report.conftest import Make
from viewfinder.catalog.published import published
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.dialogues.find import FACTS_KEPT
from viewfinder.measure.measures.dialogues.page import rows
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.results import ModelResult
from viewfinder.report.advice import advise
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write


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
    assert "Context:" not in write(make_guide([make.result()], published()), "md")


def test_every_figure_has_a_row_with_its_interval(make: Make) -> None:
    context = held(make)
    found = dict(shown_rows(rows(context)))
    figures = [getattr(context, name) for name in Dialogues.model_fields]
    expected = [shown(one) for one in [*figures, *context.by_distance.values()] if isinstance(one, Figure)]
    assert sorted(value for item, value in found.items() if item != "Context: dialogues") == sorted(expected)
    assert list(found)[:3] == [
        "Context: facts kept (%)",
        "Context: kept, image 1 turn ago (%)",
        "Context: kept, image 8 turns ago (%)",
    ]
    assert found["Context: dialogues"] == "154: the suite has no more"


def test_failed_requests_stand_beside(make: Make) -> None:
    context = held(make, failed=3, failure="engine_refused: too long")
    words = dict(shown_rows(rows(context)))["Context: dialogues"]
    assert words.endswith("; 3 requests failed, the first: engine_refused: too long")


def test_why_there_were_no_dialogues_is_in_its_row(make: Make) -> None:
    result = make.result(dialogues=Missing(missing="this variant takes no images"))
    assert items(result)["Context"] == ("not measured: this variant takes no images", "")


def test_the_guide_has_the_rows(make: Make) -> None:
    guide = write(make_guide([make.result(dialogues=held(make))], published()), "md")
    assert "| Context: facts kept (%) | 95.0 (92.0 to 98.0) | 616 |" in guide


def best(results: list[ModelResult]) -> list[str]:
    """The models and why they are named."""
    (advice,) = [advice for advice in advise(results) if advice.use == "Best context"]
    return [f"{pick.label.split(' ')[0]}: {pick.reason}" for pick in advice.picks]


def test_the_best_context_goes_by_facts_kept_where_all_were_asked(make: Make) -> None:
    first = make.result("first", follow_up=make.gate(30, 30), dialogues=held(make, 80.0))
    second = make.result("second", follow_up=make.gate(27, 30), dialogues=held(make, 95.0))
    assert best([first, second]) == ["second: 95.0 % (92.0 to 98.0) of facts kept in dialogues"]


def test_the_best_context_goes_by_the_gate_where_one_was_not_asked(make: Make) -> None:
    first = make.result("first", follow_up=make.gate(300, 300))
    second = make.result("second", follow_up=make.gate(270, 300), dialogues=held(make, 95.0))
    assert best([first, second]) == ["first: 100.00 % (98.74 to 100.00) of follow-ups right"]


def test_the_follow_up_gate_stays(make: Make) -> None:
    failed = make.result(follow_up=make.gate(3, 30), dialogues=held(make, 100.0))
    assert best([failed]) == []
