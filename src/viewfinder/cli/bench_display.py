"""How `bench` shows how far it is: a live table on a terminal, elsewhere a plain line now and then."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from viewfinder.cli.console import duration

if TYPE_CHECKING:
    from viewfinder.measure.progress import Progress as Step
    from viewfinder.measure.progress import ShownTime, SoFar

    OnProgress = Callable[[Step], None]

QUIET_S = 60.0
"""Without a terminal, the longest time without a line while samples come in."""
REFRESHES = 2
"""A second: each takes the processor from the clock that times the answers."""
_WIDE = 72
"""Columns of a terminal that hold all of the table; a narrower one gets the phase and the right answers."""
_GAPS, _LEAST_BAR = 4, 6
"""Columns between the cells of the last line; a bar that is shorter than that is left out."""
_GAP, _NUMBERS = 2, 7
"""Columns between two of the table, and those of a figure."""
_OTHER_LINES = 5
"""Lines beside those of the models: the table's head, its borders, and the bar."""


@contextmanager
def shown_on(console: Console) -> "Iterator[OnProgress]":
    """What a run tells its progress to, while the block lasts."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield Log(console).tell
        return
    board = Board(console)
    with Live(console=console, get_renderable=board.drawn, refresh_per_second=REFRESHES, transient=True):
        yield board.tell


class Pace:
    """The share and the time left at any moment, also between two reports."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        from viewfinder.measure.progress import Steady

        self._steady, self._clock = Steady(), clock
        self._told_s = clock()
        self.step: Step | None = None

    def tell(self, step: "Step") -> "ShownTime":
        self.step, self._told_s = step, self._clock()
        return self.now()

    def now(self) -> "ShownTime":
        """The estimate was made at the last report, and its end stays until the next."""
        step, now_s = self.step, self._clock()
        since_s = now_s - self._told_s
        if step is None:
            return self._steady.show(now_s, 0.0, None)
        left_s = None if step.left_s is None else step.left_s - since_s
        return self._steady.show(now_s, step.spent_s + since_s, left_s, is_done=step.is_done)


class Board:
    """The table of the models with what is known so far, and the bar of the whole run."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._pace = console, Pace(clock)

    def tell(self, step: "Step") -> None:
        self._pace.tell(step)

    def drawn(self) -> RenderableType:
        shown, step = self._pace.now(), self._pace.step
        width, height = self._console.size
        if step is None:
            return Text("starting")
        lines = [bar(step, shown, width)]
        if not step.models:
            return Group(_line(where(step), width), *lines)
        fitting = _fitting(step.models, step.model, max(1, height - _OTHER_LINES))
        parts: list[RenderableType] = [table(fitting, width)]
        if step.model not in {one.model for one in step.models}:
            lines.insert(0, _line(where(step), width))
        if more := len(step.models) - len(fitting):
            parts.append(Text(f"and {more} more"))
        return Group(*parts, *lines)


class Log:
    """A line at each new scenario, and one a minute within a long one."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._pace = Pace(clock)
        self._where = ""
        self._told_s = clock()

    def tell(self, step: "Step") -> None:
        shown, now_s = self._pace.tell(step), self._clock()
        if where(step) == self._where and now_s - self._told_s < QUIET_S:
            return
        self._where, self._told_s = where(step), now_s
        line = ", ".join(part for part in (samples(step), percent(shown), left(shown)) if part)
        self._console.print(f"{where(step)} ({line})", markup=False, highlight=False)


def table(models: "Sequence[SoFar]", width: int) -> Table:
    """What is known of each model so far; names and phases are cut to the width, figures are not."""
    headings = ("right", "answer", "load") if width >= _WIDE else ("right",)
    room = width - len(headings) * (_NUMBERS + _GAP) - _GAP
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading, most in (("model", room // 2), ("now", room - room // 2)):
        drawn.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=most)
    for heading in headings:
        drawn.add_column(heading, justify="right", no_wrap=True, min_width=_NUMBERS)
    for one in models:
        doing = f"failed: {one.failure}" if one.failure else one.doing
        right = f"{one.right}/{one.graded}" if one.graded else "-"
        numbers = (right, seconds(one.answer_s), seconds(one.load_s)) if len(headings) > 1 else (right,)
        drawn.add_row(*(Text(printable(cell)) for cell in (one.model, doing, *numbers)))
    return drawn


def bar(step: "Step", shown: "ShownTime", width: int) -> RenderableType:
    """The suite, the share of the time that is over, and the time that is left."""
    before, after = printable(step.suite), [percent(shown), left(shown) or "time left not known yet"]
    room = width - len(before) - sum(map(len, after)) - _GAPS
    cells: list[RenderableType] = [*map(Text, after)]
    if room >= _LEAST_BAR:
        cells = [Text(before), ProgressBar(100.0, 100 * shown.share, width=min(40, room)), *cells]
    grid = Table.grid(padding=(0, 1))
    for _ in cells:
        grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_row(*cells)
    return grid


def where(step: "Step") -> str:
    """Suite, model and scenario, on one line whatever a running server calls its model."""
    return printable(" > ".join(part for part in (step.suite, step.model, step.doing) if part))


def printable(words: str) -> str:
    """The words without anything that controls a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def samples(step: "Step") -> str:
    """The samples so far, and a slash, and the most that are needed."""
    return f"{step.asked}/{step.needed}" if step.needed and not step.is_done else ""


def percent(shown: "ShownTime") -> str:
    """Not 100 % before the run is done."""
    return f"{min(99, int(100 * shown.share)) if shown.share < 1 else 100} %"


def left(shown: "ShownTime") -> str:
    """The time that is left, as far as it can be told."""
    return "" if shown.left_s is None or shown.share >= 1 else f"about {duration(shown.left_s)} left"


def seconds(value: float | None) -> str:
    """With two significant digits at least."""
    if value is None:
        return "-"
    return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"


def _line(words: str, width: int) -> Text:
    return Text(words[: max(1, width - 1)], no_wrap=True)


def _fitting(models: "Sequence[SoFar]", current: str, most: int) -> "list[SoFar]":
    """As many models as the screen has lines for, among them the one that is measured."""
    if len(models) <= most:
        return list(models)
    place = next((number for number, one in enumerate(models) if one.model == current), 0)
    first = min(max(0, place - most // 2), len(models) - most)
    return list(models[first : first + most])
