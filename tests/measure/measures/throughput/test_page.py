"""The guide's words for several clients at once."""

from typing import Any

import pytest

from tests.measure.measures.shown import DISTURBED, intros, items, shown_lines, shown_rows
from tests.report.conftest import Make
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.throughput.page import rows, section
from viewfinder.measure.measures.throughput.result import Closed, Open, Throughput

FEW = Missing(missing="p95 needs 72 samples, there were 12")


def seconds(value: float) -> Figure:
    return Figure(value=value, low=0.9 * value, high=1.1 * value, n=72, unit="s", how="by hand")


def rate(value: float, unit: str = "requests/s") -> Figure:
    return Figure(value=value, low=value - 1, high=value + 1, n=72, unit=unit, how="by hand")


def closed(clients: int, **more: Any) -> Closed:
    times = {"ttft": seconds(0.05), "ttft_p95": FEW, "e2e": seconds(0.1), "e2e_p95": FEW}
    fields: dict[str, Any] = {"asked": 72, "failures": {}, **times}
    fields |= {"clients": clients, "requests": rate(20), "tokens": rate(200, "tokens/s")}
    return Closed(**(fields | more))


def found(saturated_at: int | Missing = 2, **more: Any) -> Throughput:
    at_half = Open(
        asked=72,
        failures={"engine_refused": 2, "timeout": 1},
        ttft=seconds(0.06),
        ttft_p95=seconds(0.2),
        e2e=seconds(0.1),
        e2e_p95=seconds(0.3),
        share=0.5,
        arrivals=rate(10),
    )
    fields: dict[str, Any] = {
        "closed": (closed(1), closed(2), closed(4)),
        "open": (at_half,),
        "best": rate(20),
    }
    return Throughput(saturated_at=saturated_at, **(fields | more))


def lines(throughput: Throughput, *, is_disturbed: bool = False) -> list[list[str]]:
    (table,) = section(throughput)
    assert list(table.header[:4]) == ["Clients", "Requests/s", "Tokens/s", "First token (ms)"]
    shown = shown_lines(table, is_disturbed=is_disturbed)
    assert {len(line) for line in shown} == {len(table.header)}
    return shown


def test_a_line_for_each_level() -> None:
    levels = lines(found())
    assert levels[0] == [
        "1",
        "20.0 (19.0 to 21.0), n=72",
        "200.0 (199.0 to 201.0), n=72",
        "50.0 (45.0 to 55.0), n=72",
        FEW.missing,
        "100 (90 to 110), n=72",
        FEW.missing,
        "0 of 72",
    ]
    assert [line[0] for line in levels] == ["1", "2", "4", "at random, 50 % of the best"]
    assert levels[3][7] == "3 of 72: 2 engine_refused, 1 timeout"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (1, "1: more clients only wait longer"),
        (2, "2: more clients get less than 5 % more"),
        (4, "4, the most that were tried: more clients may get more"),
    ],
)
def test_the_headline_has_two_rows(at: int, said: str) -> None:
    cells = dict(shown_rows(rows(found(at))))
    assert cells == {"Most answers (per s)": "20.0 (19.0 to 21.0), n=72", "Clients that get them": said}


def test_the_most_that_were_tried_are_those_that_were_asked() -> None:
    levels = (closed(1), closed(2), closed(4, asked=0, requests=FEW))
    cells = dict(shown_rows(rows(found(2, closed=levels))))
    assert cells["Clients that get them"].startswith("2, the most that were tried")


def test_a_figure_that_is_missing_has_its_reason(make: Make) -> None:
    doubt = Missing(missing="needs about 9 more server processes")
    assert dict(shown_rows(rows(found(doubt))))["Clients that get them"] == doubt.missing
    blind = Missing(missing="this variant takes no images")
    assert shown_rows(rows(blind)) == [("Most answers (per s)", blind.missing)]
    assert not any("clients" in intro for intro in intros(make.result(throughput=blind)))


def test_a_disturbed_run_is_marked() -> None:
    line = lines(found(), is_disturbed=True)[0]
    assert [cell.endswith(DISTURBED) for cell in line] == [False, True, True, True, False, True, False, False]


def test_a_suite_without_it_prints_nothing(make: Make) -> None:
    assert "Most answers (per s)" not in items(make.result())
    assert not any("clients" in intro for intro in intros(make.result()))
