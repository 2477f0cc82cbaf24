"""The guide's words for several clients at once."""

from typing import Any

import pytest

from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.throughput.result import Closed, Open, Throughput
from viewfinder.report.markdown import Notes
from viewfinder.report.tables import Tables

from .test_tables import cells

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


def test_a_line_for_each_level(make: Any) -> None:
    notes = Notes()
    header, _, *lines = cells(Tables(notes).throughput(make.result(throughput=found())))
    assert header[:4] == ["Clients", "Requests/s", "Tokens/s", "First token (ms)"]
    assert lines[0] == [
        "1",
        "20.0 (19.0 to 21.0, n=72)[^1]",
        "200.0 (199.0 to 201.0, n=72)[^1]",
        "50.0 (45.0 to 55.0, n=72)[^1]",
        "—[^2]",
        "100 (90 to 110, n=72)[^1]",
        "—[^2]",
        "0 of 72",
    ]
    assert [line[0] for line in lines] == ["1", "2", "4", "at random, 50 % of the best"]
    assert lines[3][7] == "3 of 72: 2 engine_refused, 1 timeout"
    assert notes.definitions()[1] == "[^2]: Not measured: p95 needs 72 samples, there were 12"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (1, "1: more at once only wait longer"),
        (2, "2: more at once get less than 5 % more"),
        (4, "4, the most that were tried: it may give more to more"),
    ],
)
def test_the_headline_stands_in_the_recipe(make: Any, at: int, said: str) -> None:
    rows = dict(cells(Tables(Notes()).recipe(make.result(throughput=found(at)))))
    assert rows["Most answers (per s)"].startswith("20.0 (19.0 to 21.0, n=72)")
    assert rows["Clients that get them"] == said


def test_the_most_that_were_tried_are_those_that_were_come_to(make: Any) -> None:
    levels = (closed(1), closed(2), closed(4, asked=0, requests=FEW))
    rows = dict(cells(Tables(Notes()).recipe(make.result(throughput=found(2, closed=levels)))))
    assert rows["Clients that get them"].startswith("2, the most that were tried")


def test_what_was_not_told_has_its_reason(make: Any) -> None:
    notes = Notes()
    doubt = Missing(missing="needs about 9 more server processes")
    rows = dict(cells(Tables(notes).recipe(make.result(throughput=found(doubt)))))
    assert rows["Clients that get them"].startswith("—[^")
    assert any("needs about 9 more server processes" in line for line in notes.definitions())
    blind = make.result(throughput=Missing(missing="this variant takes no images"))
    assert dict(cells(Tables(Notes()).recipe(blind)))["Most answers (per s)"].startswith("—[^")
    assert Tables(Notes()).throughput(blind) == ""


def test_a_disturbed_run_is_marked(make: Any) -> None:
    result = make.result(throughput=found(), contaminated="two fleets")
    notes = Notes()
    line = cells(Tables(notes).throughput(result))[2]
    assert "two fleets" in notes.definitions()[1]
    assert line[1].endswith("[^2]")


def test_a_suite_without_it_prints_nothing(make: Any) -> None:
    assert "Most answers (per s)" not in Tables(Notes()).recipe(make.result())
    assert Tables(Notes()).throughput(make.result()) == ""
