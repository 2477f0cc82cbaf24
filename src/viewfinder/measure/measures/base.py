"""What a stage is: a scenario that has server processes to itself. Called by `trial` and `findings`; those
that there are stand in `stages`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from viewfinder.catalog.card import Variant
from viewfinder.core.config import EngineSettings
from viewfinder.measure.figures import Missing
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite

Series = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one server process gave to a stage: its exchanges, in their order, and what was noted beside them.

    `broke_off` says why it did not come to its end ("the engine died ..."), else it is empty.
    """

    part: int
    asked: Sequence[Asked]
    series: Series = field(default_factory=dict)
    broke_off: str = ""


class Stage(Protocol):
    """One scenario. `asks` does I/O and judges nothing; `finds` is pure, so that an interrupted run, or a
    stored one, comes to the same result.

    `goes_on`: its questions can be asked of any process, so what was answered before an interruption is not
    asked again; otherwise the interrupted process counts for nothing. `counts_answers`: nothing can be said
    of a model that does not pass the vision gate. `is_timed`: a process is measured once more when others
    used the processors meanwhile.
    """

    name: str
    goes_on: bool
    counts_answers: bool
    is_timed: bool

    def processes(self, suite: Suite) -> int:
        """How many fresh server processes the suite gives it; 0: it is no part of the suite."""

    def steps(self, suite: Suite, part: int) -> int:
        """How many requests it makes of that process at most."""

    def needs(self, variant: Variant) -> Missing | None:
        """Why it cannot be put to this variant, or None."""

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        """Ask; every exchange is kept by the subject. What else is to be known is returned.

        Raises EngineDied and EngineStalled when nothing more can be asked: that is a finding, too.
        """

    def finds(self, heard: Sequence[Heard], suite: Suite) -> BaseModel:
        """The result of all processes that were heard; at least one."""


@runtime_checkable
class SetsEngine(Protocol):
    """A stage whose server processes are not all started alike."""

    def settings(self, settings: EngineSettings, variant: Variant, part: int) -> EngineSettings:
        """What the engine of that process is started with, given what the run's others are."""
