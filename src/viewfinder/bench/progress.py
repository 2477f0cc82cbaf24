"""How far a run is; made by the scenarios as they go, shown by the CLI as a bar."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps of a run; `doing` is a short phrase of what is measured now of `model`."""

    model: str
    doing: str
    done: int
    total: int


class Steps:
    """Counts the steps of a run; a phase that ends early counts as done when the next begins."""

    def __init__(self, total: int, tell: Callable[[Progress], None]) -> None:
        self._total, self._tell = total, tell
        self._model = self._doing = ""
        self._done = self._end = 0

    def begin(self, model: str, doing: str, steps: int) -> None:
        """The next phase, of at most so many steps with one model."""
        self._model, self._doing, self._done = model, doing, self._end
        self._end += steps
        self._show()

    @property
    def planned(self) -> int:
        """The steps of all phases so far, done or left out."""
        return self._end

    def skip_to(self, done: int) -> None:
        """The next phase begins after so many steps of the run."""
        self._done = self._end = max(self._end, done)

    def extend(self, steps: int) -> None:
        """The run makes so many more steps than was planned."""
        self._total += steps

    def step(self) -> None:
        """One request was answered."""
        self._done = min(self._done + 1, self._end)
        self._show()

    def finish(self) -> None:
        """The run is done, however it went."""
        self._doing, self._done = "done", self._total
        self._show()

    def _show(self) -> None:
        self._tell(Progress(self._model, self._doing, self._done, self._total))
