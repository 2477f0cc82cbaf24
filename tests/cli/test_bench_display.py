"""How far a measurement is, on a terminal and off it."""

import io

from rich.console import Console

from viewfinder.cli.bench_display import Log, shown_on
from viewfinder.measure.progress import Progress

STEP = Progress("glimpse", "image questions", 30, 120, "quick", 12, 24, 90.0)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def plain() -> tuple[Console, io.StringIO]:
    page = io.StringIO()
    return Console(file=page, soft_wrap=True), page


def test_a_terminal_shows_suite_model_scenario_samples_and_the_time_left() -> None:
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, width=120, _environ={"TERM": "xterm"})
    with shown_on(console) as tell:
        tell(STEP)
        tell(Progress("[bold]odd[/]", "fresh start 1 of 7", 31, 120, "quick", 1, 36))
    shown = page.getvalue()
    assert "quick > [bold]odd[/] > fresh start 1 of 7" in shown
    assert "1/36" in shown
    with shown_on(console) as tell:
        tell(STEP)
    last = page.getvalue()[len(shown) :]
    assert "quick > glimpse > image questions" in last
    assert "12/24" in last
    assert "about 90 s left" in last


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
