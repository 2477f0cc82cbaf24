"""`--progress json`: how far a command is, as one JSON object a line on stderr, for other programs.

    {"progress": {...}}    at most five a second; at once where another phase begins
    {"results": {...}}     of bench: the status of each model
    {"error": {...}}       code, message and hint; the exit code is the usual one
    {"stopped": {...}}     by Ctrl-C or SIGTERM: what is kept, and how to continue

Lines that do not begin with `{"` are for people. Called by the commands that take long.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from viewfinder.cli.console import errors, report_json
from viewfinder.core.errors import ViewfinderError

if TYPE_CHECKING:
    from viewfinder.catalog.pull import PullProgress
    from viewfinder.measure.progress import Progress

BETWEEN_LINES_S = 0.2
"""Between two lines of one phase."""
SPEED_S = 5.0
"""Speed is that of the last seconds."""


class ProgressForm(StrEnum):
    """How a command says how far it is."""

    text = "text"
    json = "json"


PROGRESS = typer.Option(
    "--progress", help="text: for people; json: one object a line on stderr, for programs."
)


def tell(kind: str, fields: dict[str, Any]) -> None:
    """Write one line."""
    report_json({kind: fields})


@contextmanager
def errors_told(form: ProgressForm) -> Iterator[None]:
    """With `--progress json`, an error of the block is a line, too; it exits with the error's code."""
    try:
        yield
    except ViewfinderError as error:
        if form is not ProgressForm.json:
            raise
        tell("error", {"code": error.reason, "message": error.message, "hint": error.hint})
        raise typer.Exit(error.exit_code) from None


def stopped(form: ProgressForm, said: str, resume: str) -> None:
    """Say what is kept of what Ctrl-C stopped, and the command that resumes it."""
    if form is ProgressForm.json:
        tell("stopped", {"said": said, "resume": resume})
    else:
        errors.print(f"{said} Resume: {resume}", markup=False, highlight=False, soft_wrap=True)


class JsonLines:
    """Writes a line when enough time has passed, or another phase has begun."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._phase: object = None
        self._told_s = 0.0

    def tell(self, phase: object, fields: Callable[[], dict[str, Any]]) -> None:
        now_s = self._clock()
        if phase != self._phase or now_s - self._told_s >= BETWEEN_LINES_S:
            self._phase, self._told_s = phase, now_s
            tell("progress", fields())


class BenchLines:
    """The steps of a run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        from viewfinder.cli.bench_display import Pace

        self._pace, self._lines = Pace(clock), JsonLines(clock)

    def tell(self, step: "Progress") -> None:
        shown = self._pace.tell(step)
        self._lines.tell((step.model, step.doing), lambda: _of_bench(step, shown.share, shown.left_s))


class PullLines:
    """The steps of a download."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lines = clock, JsonLines(clock)
        self._phase = ("", "")
        self._seen: deque[tuple[float, int]] = deque()

    def tell(self, step: "PullProgress") -> None:
        phase, now_s = (step.doing, step.file), self._clock()
        if phase != self._phase:  # what was downloaded before is no speed
            self._phase = phase
            self._seen.clear()
        self._seen.append((now_s, step.done_bytes))
        while now_s - self._seen[0][0] > SPEED_S:
            self._seen.popleft()
        self._lines.tell(phase, lambda: _of_pull(step, self._speed()))

    def _speed(self) -> float | None:
        """Bytes a second; None: not downloading, or not long enough to say."""
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        if self._phase[0] != "downloading" or last_s - first_s < BETWEEN_LINES_S:
            return None
        return (last - first) / (last_s - first_s)


def _of_bench(step: "Progress", share: float, left_s: float | None) -> dict[str, Any]:
    return {
        "run": step.run,
        "suite": step.suite,
        "model": step.model,
        "doing": step.doing,
        "asked": step.asked,
        "needed": step.needed,
        "share": round(share, 4),
        "left_s": _rounded(left_s),
        "spent_s": _rounded(step.spent_s),
        "is_done": step.is_done,
        "models": [
            {
                "model": one.model,
                "doing": one.doing,
                "right": one.right,
                "graded": one.graded,
                "answer_s": _rounded(one.answer_s),
                "load_s": _rounded(one.load_s),
                "failure": one.failure,
            }
            for one in step.models
        ],
    }


def _of_pull(step: "PullProgress", speed: float | None) -> dict[str, Any]:
    left = step.total_bytes - step.done_bytes
    return {
        "doing": step.doing,
        "file": step.file,
        "done_bytes": step.done_bytes,
        "total_bytes": step.total_bytes,
        "bytes_per_s": _rounded(speed),
        "left_s": _rounded(left / speed) if speed else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
