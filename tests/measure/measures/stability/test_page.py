"""The recipe's rows on stability and soak."""

from tests.measure.measures.stability.made_up import asked, color
from tests.report.conftest import Make
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import ProcessLog
from viewfinder.measure.measures.soak.ask import judge as judge_soak
from viewfinder.measure.measures.stability.find import REFERENCE, REPEAT, judge
from viewfinder.measure.measures.stability.page import rows
from viewfinder.measure.results import ModelResult
from viewfinder.report.markdown import Notes
from viewfinder.report.tables import Tables

FRESH = [[asked(number, scenario=REFERENCE) for number in range(8)]] * 2
WALK = [asked(number % 8) for number in range(61)]


def told(result: ModelResult) -> dict[str, str]:
    return dict(rows(result, lambda measured: type(measured).__name__, lambda note: "[^1]"))


def test_a_sound_model(make: Make) -> None:
    repeats = [asked(0, scenario=REPEAT) for _ in range(20)]
    assert told(make.result(stability=judge([*FRESH, WALK, repeats]))) == {
        "Fresh processes agree": "on 8 of 8 questions (2 processes)",
        "Image mix-ups": "0 of 60 (below 4.9 %)[^1]",
        "Mix-ups at once": "Missing",
        "The same request again and again": "bit-stable: 20 answers, all in the same words",
        "Failed or empty answers": "0 of 97 (below 3 %)",
        "Troubles found": "none",
    }


def test_a_leak_is_named_and_its_issue_told(make: Make) -> None:
    found = judge([*FRESH, [*WALK, asked(5, color(4))]])
    assert told(make.result(stability=found))["Troubles found"] == "STATE.prev_image"
    assert told(make.result(stability=found))["Image mix-ups"].startswith("1 of 61")


def test_the_soak_has_its_figures(make: Make) -> None:
    requests = [asked(number % 8, scenario="soak/new", at_s=2.0 * number) for number in range(200)]
    series = {
        "soak/new/footprint_bytes": [1e9 + 1e6 * number for number in range(200)],
        "soak/new/descriptors": [5.0] * 200,
        "soak/new/threads": [3.0] * 200,
    }
    found = judge_soak(ProcessLog(part=0, asked=requests, series=series))
    said = told(make.result(soak=found))
    assert said["Memory over many requests"] == "leak[^1]"
    assert said["Troubles found in the soak"] == "MEM.leak"
    assert said["Memory growth (MB/request)"] == said["Threads growth (per request)"] == "Figure"
    assert found.issues == ("MEM.leak: memory grows by 1.00 MB a request (1.00 to 1.00), to the end.",)


def test_what_was_no_part_of_the_suite_is_not_told(make: Make) -> None:
    assert rows(make.result(), str, str) == []
    none = Missing(missing="this variant takes no images")
    assert told(make.result(stability=none, soak=none)) == {"Stability": "Missing", "Soak": "Missing"}


def test_the_recipe_has_them(make: Make) -> None:
    recipe = Tables(Notes()).recipe(make.result(stability=judge([*FRESH, WALK])))
    assert "| Image mix-ups | 0 of 60 (below 4.9 %)[^" in recipe
