"""How far a run is; made by the scenarios as they go, shown by the CLI as a bar."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps of one model; `doing` is a short phrase of what is measured now."""

    model: str
    doing: str
    done: int
    total: int


class Steps:
    """Counts one model's steps; a phase that ends early counts as done when the next begins."""

    def __init__(self, model: str, total: int, tell: Callable[[Progress], None]) -> None:
        self._model, self._total, self._tell = model, total, tell
        self._doing = ""
        self._done = self._end = 0

    def begin(self, doing: str, steps: int) -> None:
        """The next phase, of at most so many steps."""
        self._doing, self._done = doing, self._end
        self._end += steps
        self._show()

    def step(self) -> None:
        """One request was answered."""
        self._done = min(self._done + 1, self._end)
        self._show()

    def finish(self) -> None:
        """The model is done, however it went."""
        self._doing, self._done = "done", self._total
        self._show()

    def _show(self) -> None:
        self._tell(Progress(self._model, self._doing, self._done, self._total))
