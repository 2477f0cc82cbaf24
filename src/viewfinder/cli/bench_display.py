"""How `bench` shows how far it is: a bar on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from viewfinder.cli.console import duration

if TYPE_CHECKING:
    from viewfinder.measure.progress import Progress as Step

    OnProgress = Callable[[Step], None]

QUIET_S = 60.0
"""Without a terminal, the longest time without a line while samples come in."""


@contextmanager
def shown_on(console: Console) -> "Iterator[OnProgress]":
    """What a run tells its progress to, while the block lasts."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield Log(console).tell
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[samples]}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None, samples="", left="")

        def tell(step: "Step") -> None:
            bar.update(
                task,
                description=where(step),
                completed=step.done,
                total=step.total,
                samples=samples(step),
                left=left(step),
            )

        yield tell


class Log:
    """A line at each new scenario, and one a minute within a long one."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._where = ""
        self._told_s = clock()

    def tell(self, step: "Step") -> None:
        now_s = self._clock()
        if where(step) == self._where and now_s - self._told_s < QUIET_S:
            return
        self._where, self._told_s = where(step), now_s
        share = f"{100 * step.done // max(1, step.total)} %"
        line = ", ".join(part for part in (samples(step), share, left(step)) if part)
        self._console.print(f"{where(step)} ({line})", markup=False, highlight=False)


def where(step: "Step") -> str:
    """Suite, model and scenario, on one line whatever a running server calls its model."""
    words = " > ".join(part for part in (step.suite, step.model, step.doing) if part)
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def samples(step: "Step") -> str:
    """The samples so far, and a slash, and the most that are needed."""
    return f"{step.asked}/{step.needed}" if step.needed and step.doing != "done" else ""


def left(step: "Step") -> str:
    """The time that is left, as far as it can be told."""
    return "" if step.left_s is None or step.done == step.total else f"about {duration(step.left_s)} left"
