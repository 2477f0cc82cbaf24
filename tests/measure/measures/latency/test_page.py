"""Timed requests in the guide: each a figure or the reason why there is none."""

from tests.measure.measures.shown import DISTURBED, intros, shown_lines, shown_rows
from tests.report.conftest import Make
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.latency.page import rows, section
from viewfinder.measure.measures.latency.result import Latency, PausedTimes, RequestTimes, Spread

NOT_ASKED = Missing(missing="the suite does not ask it")
TOO_FEW = Missing(missing="p99 needs 368 samples, there were 84")


def latency(make: Make) -> Latency:
    """Two kinds of four; TTFT 40 ms for a new image."""
    spread = Spread(p50=make.figure(0.040, 0.002), p95=make.figure(0.052, 0.004), p99=TOO_FEW)
    times = RequestTimes(
        what="requests",
        ttft=spread,
        itl=spread,
        tpot=spread,
        e2e=spread,
        mean=make.figure(0.043, 0.002),
        prefill_rate=make.figure(1500.0, 40.0, "tokens/s"),
        decode_rate=make.figure(900.0, 30.0, "tokens/s"),
        output_tokens=make.figure(16.0, 0.5, "tokens"),
    )
    return Latency(
        images=times,
        short=NOT_ASKED,
        repeats=times,
        texts=NOT_ASKED,
        first_image=make.figure(0.090, 0.010),
        later_images=make.figure(0.041, 0.002),
        first_slower=make.figure(2.2, 0.3, "times"),
        new_image=make.figure(0.035, 0.002),
    )


def test_rows_are_in_seconds_or_milliseconds(make: Make) -> None:
    assert shown_rows(rows(latency(make))) == [
        ("Average inference (s)", "0.0430 (0.0410 to 0.0450), n=30"),
        ("Median inference (s)", "0.0400 (0.0380 to 0.0420), n=30"),
        ("Output tokens", "16.00 (15.50 to 16.50), n=30"),
        ("Time to first token, image (ms)", "40.0 (38.0 to 42.0), n=30"),
        ("Time to first token, text (ms)", NOT_ASKED.missing),
        ("Decode speed (tokens/s)", "900 (870 to 930), n=30"),
        ("First image after a start: time to first token (ms)", "90 (80 to 100), n=30"),
        ("Later images, same kind of question (ms)", "41.0 (39.0 to 43.0), n=30"),
        ("First image / later images", "2.20 (1.90 to 2.50), n=30"),
        ("A new image costs (ms)", "35.0 (33.0 to 37.0), n=30"),
    ]


def test_pauses_have_a_row_and_two_lines_each(make: Make) -> None:
    found = latency(make)
    assert isinstance(found.images, RequestTimes)
    paused = PausedTimes(**dict(found.images), pause_s=2.0, slower=make.figure(1.6, 0.1, "times"))
    found = found.model_copy(update={"paused": (paused,)})
    last = ("After a pause of 2 s: time to first token, image (ms)", "40.0 (38.0 to 42.0), n=30")
    assert shown_rows(rows(found))[-1] == last
    percentiles, _ = section(found)
    lines = [line for line in shown_lines(percentiles) if line[0] == "new image, one-word answer, after 2 s"]
    assert [line[1] for line in lines] == ["time to first token", "whole request"]


def test_speeds_are_of_what_was_asked(make: Make) -> None:
    _, speeds = section(latency(make))
    assert speeds.header == (
        "Requests",
        "Output tokens",
        "Prefill speed (tokens/s)",
        "Decode speed (tokens/s)",
    )
    assert shown_lines(speeds) == [
        [title, "16.00 (15.50 to 16.50), n=30", "1,500 (1,460 to 1,540), n=30", "900 (870 to 930), n=30"]
        for title in ("new image, described", "same image again, described")
    ]


def test_nothing_is_said_of_what_was_never_measured(make: Make) -> None:
    gone = Missing(missing="it broke off")
    assert {cell for _, cell in shown_rows(rows(gone))} == {"it broke off"}
    assert "First image" not in str(rows(gone))
    assert not any(intro.startswith("How ") for intro in intros(make.result(latency=gone)))
    assert any(intro.startswith("How ") for intro in intros(make.result()))


def test_percentiles_have_a_line_for_each_time_or_a_reason(make: Make) -> None:
    percentiles, _ = section(latency(make))
    assert percentiles.header == ("Requests", "Time (ms)", "p50", "p95", "p99")
    lines = shown_lines(percentiles)
    assert lines[0] == [
        "new image, described",
        "time to first token",
        "40.0 (38.0 to 42.0), n=30",
        "52.0 (48.0 to 56.0), n=30",
        TOO_FEW.missing,
    ]
    assert len(lines) == 4 + 1 + 4 + 1
    assert lines[4] == ["new image, one-word answer", "", *[NOT_ASKED.missing] * 3]


def test_timings_of_a_disturbed_run_are_marked(make: Make) -> None:
    percentiles, _ = section(latency(make))
    cells = [cell for line in shown_lines(percentiles, is_disturbed=True) for cell in line]
    assert cells.count(f"40.0 (38.0 to 42.0), n=30{DISTURBED}") == 8
    assert sum(cell.endswith(DISTURBED) for cell in cells) == 16
