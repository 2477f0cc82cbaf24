"""How far a measurement is, on a terminal and off it."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from viewfinder.cli.bench_display import Board, Log, shown_on
from viewfinder.measure.progress import Progress, SoFar

EVIL = SoFar("evil\x1b[2J\r\nname [bold]", "process 1 of 7", 33, 36, 0.0512, 12.3)
WAITING = SoFar("glimpse")
STEP = Progress("glimpse", "image questions", 30, 120, "quick", 12, 24, 90.0, 30.0)
BOTH = replace(STEP, models=(EVIL, WAITING), model=EVIL.model)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def drawn(step: Progress, width: int, height: int = 24, **environ: str) -> str:
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=height,
        soft_wrap=True,
        _environ={"TERM": "xterm-256color", **environ},
    )
    board = Board(console)
    board.tell(step)
    with console.capture() as page:
        console.print(board.drawn())
    return page.get()


def bare(page: str) -> str:
    """Without colors."""
    return re.sub(r"\x1b\[[0-9;]*m", "", page)


def plain() -> tuple[Console, io.StringIO]:
    page = io.StringIO()
    return Console(file=page, soft_wrap=True), page


@pytest.mark.parametrize("width", [200, 80, 72, 60, 40, 30])
def test_no_line_is_wider_than_the_screen_and_no_name_controls_it(width: int) -> None:
    page = drawn(BOTH, width)
    lines = bare(page).splitlines()
    assert all(len(line.rstrip()) <= width for line in lines), lines
    assert len(lines) == 4
    assert all(letter.isprintable() or letter in "\n" for letter in bare(page))
    assert "25 %" in lines[-1]
    assert "33/36" in page


def test_a_terminal_shows_what_is_known_of_each_model_so_far() -> None:
    head, evil, waiting, bar = bare(drawn(BOTH, 100)).splitlines()
    assert head.split() == ["model", "now", "right", "answer", "load"]
    assert " ".join(evil.split()) == "evil?[2J??name [bold] process 1 of 7 33/36 0.051 s 12 s"
    assert waiting.split() == ["glimpse", "waiting", "-", "-", "-"]
    assert "about 90 s left" in bar
    failed = replace(BOTH, models=(replace(WAITING, failure="the engine died"),))
    assert "failed: the engine died" in drawn(failed, 80)
    assert "time left not known yet" in drawn(replace(BOTH, left_s=None), 80)


def test_more_models_than_lines_show_the_one_that_is_measured_and_the_bar() -> None:
    models = tuple(SoFar(f"m{number}") for number in range(40))
    lines = bare(drawn(replace(STEP, models=models, model="m30"), 80, height=12)).splitlines()
    assert len(lines) < 12
    assert any(line.startswith("m30 ") for line in lines)
    assert "and 33 more" in lines
    assert "25 %" in lines[-1]


def test_without_colors_there_are_none() -> None:
    assert "\x1b[" in drawn(BOTH, 80)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", drawn(BOTH, 80, NO_COLOR="1"))


def test_a_dumb_terminal_gets_lines() -> None:
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, soft_wrap=True, _environ={"TERM": "dumb"})
    with shown_on(console) as tell:
        tell(BOTH)
    assert page.getvalue().startswith("quick > evil?[2J??name [bold] > image questions (12/24, 25 %")
    assert "\x1b" not in page.getvalue()


def test_the_live_table_is_gone_when_the_run_is_over() -> None:
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    with shown_on(console) as tell:
        tell(STEP)
    assert "quick > glimpse > image questions" in page.getvalue()
    assert page.getvalue().count("\x1b[?25h") == 1, "the cursor is back"


def test_elsewhere_each_scenario_is_a_line() -> None:
    console, page = plain()
    with shown_on(console) as tell:
        tell(Progress("glimpse", "text questions", 0, 120, "quick", 0, 12))
        tell(Progress("glimpse", "text questions", 1, 120, "quick", 1, 12))
        tell(STEP)
        tell(Progress("glimpse", "done", 120, 120, "quick", 5, 5, 0.0))
    assert page.getvalue().splitlines() == [
        "quick > glimpse > text questions (0/12, 0 %)",
        "quick > glimpse > image questions (12/24, 25 %, about 90 s left)",
        "quick > glimpse > done (100 %)",
    ]


def test_a_long_scenario_is_heard_of_once_a_minute() -> None:
    console, page = plain()
    clock = Clock()
    log = Log(console, clock)
    for asked in range(200):
        clock.now_s += 1.0
        log.tell(Progress("slow", "soak", asked, 200, "thorough", asked, 200))
    assert [line.split("(")[1].split(",")[0] for line in page.getvalue().splitlines()] == [
        "0/200",
        "60/200",
        "120/200",
        "180/200",
    ]


def test_a_foreign_models_name_controls_no_terminal() -> None:
    console, page = plain()
    with shown_on(console) as tell:
        tell(Progress("evil\x1b[2J\r\nname", "text questions", 0, 9, "quick", 0, 9))
    assert page.getvalue() == "quick > evil?[2J??name > text questions (0/9, 0 %)\n"
