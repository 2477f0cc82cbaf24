"""The comparison with other gateways: its verdicts, its page, and that the page is the kept run's."""

from pathlib import Path

import pytest

from benchmarks.peers.asking import photograph, picture, text
from benchmarks.peers.floors import ALONE, MADE_SAFE, floors
from benchmarks.peers.rows import FOLLOW_UP, Found
from benchmarks.peers.systems import RELAY
from benchmarks.peers.table import Report, page, shown

ROOT = Path(__file__).parents[2]
ADDED = Found("text: whole", "Viewfinder", (0.9, 0.7, 1.2), "ms", 1.0, bare=4.9)
RATE = Found("8 clients", "Viewfinder", (0.7, 0.6, 0.9), "of its rate", 0.8, at_least=True, bare=395.0)
PEERS = Found("text: whole", "another", (15.5, 15.0, 16.0), "ms", bare=5.0)


def test_the_page_is_made_of_what_was_measured() -> None:
    assert (ROOT / "docs" / "speed.md").read_text(encoding="utf-8") == page(Report.kept()), "Run: make docs"


@pytest.mark.parametrize(("one", "good"), [(ADDED, True), (RATE, False), (PEERS, True)])
def test_a_row_is_good_when_its_figure_keeps_the_target(one: Found, good: bool) -> None:
    assert one.good is good


def test_a_run_is_kept_as_it_was(tmp_path: Path) -> None:
    report = Report.of([ADDED, RATE, PEERS], {"a third": "not installed"}, 60.0)
    report.keep(tmp_path)
    assert Report.kept(tmp_path) == report
    made = page(report)
    assert "| text: whole | Viewfinder | 0.90 (0.70 to 1.20) ms | 4.9 ms | at most 1 | yes |" in made
    assert "| 0.70 (0.60 to 0.90) of its rate | 395.0 a second | at least 0.8 | **no** |" in made
    assert "a third: not installed" in made


def test_a_row_of_text_says_what_was_added_and_the_verdict() -> None:
    assert "+0.90 (+0.70 to +1.20) ms; the engine alone 4.9; at most 1: yes" in shown(ADDED)
    assert shown(RATE).endswith("the engine alone 395.0/s; at least 0.8: NO")
    assert shown(PEERS).endswith("the engine alone 5.0")


def test_no_picture_is_asked_about_twice() -> None:
    asked = picture(96, "png")
    assert len({str(asked(number)) for number in range(8)}) == 8
    assert str(photograph(1))[:200] != str(text(1))[:200]


def test_a_missed_target_says_what_it_takes_at_least() -> None:
    """Its parts are of the same run: a target beyond them cannot be met."""
    png, again, new = "new PNG of 512 px: first word", "the same PNG of 512 px again: first word", "new JPEG"
    rows = [
        Found(png, "Viewfinder", (8.0, 7.0, 9.0), "ms", 3.0, bare=31.0),
        Found(png, RELAY, (0.8, 0.1, 1.0), "ms", bare=31.0),
        Found(MADE_SAFE, ALONE, (2.7, 2.6, 2.8), "ms"),
        Found(again, "Viewfinder", (2.0, 1.0, 3.0), "ms", 1.5, bare=4.0),
        Found(again, RELAY, (0.5, 0.1, 1.0), "ms", bare=4.0),
        Found(f"{new} of 1600 px: first word", "Viewfinder", (-1.0, -2.0, 0.0), "ms", 12.0, bare=46.0),
        Found(FOLLOW_UP, "Viewfinder", (0.2, 0.1, 0.3), "of the first", 0.1),
        RATE,
    ]
    assert {floor.row.what: round(floor.value, 3) for floor in floors(rows)} == {
        png: 3.5,
        again: 0.5,
        FOLLOW_UP: 0.1,
    }
    assert "| 8.00 | at most 3 | 3.50 | a relay of bytes, and 2.7 ms to decode and encode it |" in page(
        Report.of(rows, {}, 1.0)
    )
