"""The guide's rows on stability."""

from tests.measure.measures.shown import items, shown_rows
from tests.measure.measures.stability.made_up import asked, color, judge
from tests.report.conftest import Make
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.stability.page import rows
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.measures.stability.scenarios import REFERENCE, REPEAT

FRESH = [[asked(number, scenario=REFERENCE) for number in range(8)]] * 2
WALK = [asked(number % 8) for number in range(61)]


def said(found: Stability | Missing) -> dict[str, str]:
    return dict(shown_rows(rows(found)))


def test_a_sound_model() -> None:
    repeats = [asked(0, scenario=REPEAT) for _ in range(20)]
    assert said(judge([*FRESH, WALK, repeats])) == {
        "Fresh processes agree": "on 8 of 8 questions (2 processes)",
        "Image mix-ups": "0 of 60 (below 4.9 %)",
        "Mix-ups at once": "no requests that were under way together were answered",
        "The same request again and again": "bit-stable: 20 answers, all in the same words",
        "Failed or empty answers": "0 of 97 (below 3 %)",
        "Troubles found": "none",
    }


def test_a_leak_is_named() -> None:
    found = judge([*FRESH, [*WALK, asked(5, color(4))]])
    assert said(found)["Troubles found"] == "STATE.prev_image"
    assert said(found)["Image mix-ups"].startswith("1 of 61")


def test_why_it_was_not_measured() -> None:
    why = "this variant takes no images"
    assert said(Missing(missing=why)) == {"Stability": why}


def test_the_guide_has_the_rows_of_a_suite_with_it(make: Make) -> None:
    in_guide = items(make.result(stability=judge([*FRESH, WALK])))
    assert in_guide["Image mix-ups"] == ("0 of 60 (below 4.9 %)", "")
    assert "Image mix-ups" not in items(make.result())
