"""Starts, first images and percentiles in the guide: each a figure or the reason why there is none."""

from typing import Any

from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.latency.page import percentiles, rows, speeds
from viewfinder.measure.measures.latency.result import Cell, Latency, Spread
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.report.figures import brief
from viewfinder.report.markdown import Notes
from viewfinder.report.tables import Tables

NOT_ASKED = Missing(missing="the suite does not ask it")
TOO_FEW = Missing(missing="p99 needs 368 samples, there were 84")


def printed(measured: Measured) -> str:
    return measured.missing if isinstance(measured, Missing) else brief(measured)


def latency(make: Any) -> Latency:
    """Two cells of four; TTFT 40 ms for a new image."""
    spread = Spread(p50=make.figure(0.040, 0.002), p95=make.figure(0.052, 0.004), p99=TOO_FEW)
    cell = Cell(
        what="requests",
        ttft=spread,
        itl=spread,
        tpot=spread,
        e2e=spread,
        prefill_rate=make.figure(1500.0, 40.0, "tokens/s"),
        decode_rate=make.figure(900.0, 30.0, "tokens/s"),
        output_tokens=make.figure(16.0, 0.5, "tokens"),
    )
    return Latency(
        images=cell,
        short=NOT_ASKED,
        repeats=cell,
        texts=NOT_ASKED,
        first_image=make.figure(0.090, 0.010),
        later_images=make.figure(0.041, 0.002),
        first_slower=make.figure(2.2, 0.3, "times"),
        new_image=make.figure(0.035, 0.002),
    )


def test_rows_are_in_milliseconds(make: Any) -> None:
    found = rows(make.result(latency=latency(make)), printed)
    assert found == [
        ("First image after a start: time to first token (ms)", "90 (80 to 100, n=30)"),
        ("Later images, same kind of question (ms)", "41.0 (39.0 to 43.0, n=30)"),
        ("First image / later images", "2.20 (1.90 to 2.50, n=30)"),
        ("A new image costs (ms)", "35.0 (33.0 to 37.0, n=30)"),
    ]


def test_speeds_are_of_what_was_asked(make: Any) -> None:
    lines = speeds(latency(make), printed).splitlines()
    assert lines[0] == "| Requests | Output tokens | Prefill speed (tokens/s) | Decode speed (tokens/s) |"
    assert lines[2:] == [
        f"| {title} | 16.00 (15.50 to 16.50, n=30) | 1,500 (1,460 to 1,540, n=30) | 900 (870 to 930, n=30) |"
        for title in ("new image, described", "same image again, described")
    ]


def test_nothing_is_said_of_what_was_never_measured(make: Any) -> None:
    assert rows(make.result(), printed) == []
    assert rows(make.result(latency=Missing(missing="it broke off")), printed) == []
    assert Tables(Notes()).percentiles(make.result()) == Tables(Notes()).speeds(make.result()) == ""


def test_a_start_from_the_disk_or_why_there_is_none(make: Any) -> None:
    gone = Missing(missing="another process maps them")
    assert rows(make.result(cold_load=gone), printed) == [
        ("Load time, files from the disk (s)", "another process maps them")
    ]
    cold: LoadTimes = make.load(make.figure(1.5, 0.2))
    assert rows(make.result(cold_load=cold), printed) == [
        ("Load time, files from the disk (s)", "1.50 (1.30 to 1.70, n=30)")
    ]


def test_percentiles_have_a_line_for_each_time_or_a_reason(make: Any) -> None:
    lines = percentiles(latency(make), printed).splitlines()
    assert lines[0] == "| Requests | Time (ms) | p50 | p95 | p99 |"
    assert lines[2] == (
        "| new image, described | time to first token "
        "| 40.0 (38.0 to 42.0, n=30) | 52.0 (48.0 to 56.0, n=30) | p99 needs 368 samples, there were 84 |"
    )
    assert len(lines) == 2 + 4 + 1 + 4 + 1
    assert lines[6] == f"| new image, one word asked for |  | {' | '.join([NOT_ASKED.missing] * 3)} |"


def test_timings_of_a_disturbed_run_are_marked(make: Any) -> None:
    notes = Notes()
    table = Tables(notes).percentiles(make.result(latency=latency(make), contaminated="two fleets"))
    assert table.count("40.0 (38.0 to 42.0, n=30)") == 8
    mark = next(line for line in notes.definitions() if "two fleets" in line).partition(":")[0]
    assert table.count(mark) == 16
