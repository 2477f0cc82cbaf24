"""The guide's words for image budgets."""

from typing import Any

from tests.measure.measures.shown import DISTURBED, intros, items, shown_lines, shown_rows
from tests.report.conftest import Make
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.resolution.page import rows, section
from viewfinder.measure.measures.resolution.result import Budget, Resolution

TITLE = "Smallest image that does as well"


def figure(value: float, unit: str, *, is_range: bool = False) -> Figure:
    return Figure(value=value, low=value - 1, high=value + 1, n=400, unit=unit, how=unit, is_range=is_range)


def budget(name: str, verdict: str, **more: Any) -> Budget:
    fields: dict[str, Any] = {
        "budget": name,
        "asked": 400,
        "failed": 0,
        "image_tokens": figure(64, "tokens", is_range=True),
        "ttft": Figure(value=0.05, low=0.04, high=0.06, n=400, unit="s", how="s"),
        "e2e": Figure(value=0.07, low=0.06, high=0.08, n=400, unit="s", how="s"),
        "accuracy": figure(97, "%"),
        "verdict": verdict,
    }
    return Budget(**(fields | more))


def found(cheapest: str | Missing = "64 px") -> Resolution:
    less = figure(-3, "points")
    return Resolution(
        budgets=(
            budget("64 px", "not shown", difference=less, more=1_200),
            budget("128 px", "inferior", difference=less, failed=3),
            budget("256 px", "reference"),
        ),
        cheapest=cheapest,
    )


def test_a_line_for_each_budget() -> None:
    (table,) = section(found())
    lines = shown_lines(table, is_disturbed=True)
    assert table.header[0] == "Image"
    assert {len(line) for line in lines} == {len(table.header)}
    assert lines[0] == [
        "64 px",
        "64.0 (range 63.0 to 65.0), n=400",
        f"50 (40 to 60), n=400{DISTURBED}",
        f"70 (60 to 80), n=400{DISTURBED}",
        "97.0 (96.0 to 98.0), n=400",
        "-3.0 (-4.0 to -2.0), n=400",
        "not shown: needs about 1,200 more questions",
        "0 of 400",
    ]
    assert lines[1][6:] == ["inferior", "3 of 400"]
    assert lines[2][5:7] == ["", "reference"]


def test_the_headline_has_a_row() -> None:
    def said(cheapest: str | Missing) -> str:
        return dict(shown_rows(rows(found(cheapest))))[TITLE]

    assert said("128 px") == "128 px"
    assert said("64 px") == "64 px, the smallest that was tried"
    assert said(Missing(missing="why")) == "why"


def test_what_was_not_measured(make: Make) -> None:
    blind = Missing(missing="this variant takes no images")
    assert shown_rows(rows(blind)) == [(TITLE, blind.missing)]
    assert not any("image budgets" in intro for intro in intros(make.result(resolution=blind)))
    assert items(make.result(resolution=blind))[TITLE] == (f"not measured: {blind.missing}", "")
    assert TITLE not in items(make.result())
