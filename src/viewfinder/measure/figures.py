"""What was measured, as a figure that says how, or why there is none; made by `metrics` and the scenarios."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["spawned", "ready", "first_answer", "steady", "peak", "unloaded"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Frozen):
    """A number with its 95 % interval, in `unit`; `how` says in one clause how it was measured.

    `n` counts what was measured (requests, starts). The interval is over fresh server processes, whose
    number `how` tells: requests to one process are not independent of each other.
    """

    value: float
    low: float
    high: float
    n: int
    unit: str
    how: str
    is_range: bool = False
    """Whether `low` to `high` is only the range of what was measured: too few processes for an interval."""


class Missing(Frozen):
    """A number that could not be measured, and why."""

    missing: str


Measured = Figure | Missing


class Gate(Frozen):
    """Known-answer questions: `right` of `asked`; `passed` by the rule that `rule` spells out.

    `answered` counts those that got an answer at all, right or wrong; None in results of older versions.
    """

    passed: bool
    right: int
    asked: int
    rule: str
    answered: int | None = None

    @property
    def never_answered(self) -> bool:
        """Whether every single question met an error or silence: the variant cannot do this here."""
        return self.answered == 0 < self.asked


class LoadTimes(Frozen):
    """Seconds after the start of the server process, typical of n fresh starts."""

    spawned: Measured = Missing(missing="the version that measured this did not note it")
    listening: Measured
    ready: Measured
    first_token: Measured
    first_correct: Measured


class Memory(Frozen):
    """Bytes of the server's process tree at one phase (see `host/memory`)."""

    footprint_bytes: int
    anonymous_bytes: int
    swap_bytes: int
    mapped_bytes: int
    pss_bytes: int
    kernel_peak_bytes: int | None = None
    """The most that the tree ever held until then by the kernel's own marks; None where it keeps none."""
    shared: bool = False
    """Whether a process outside the tree mapped the model's files too."""
    graphics_bytes: int | None = None
    """What NVIDIA's driver says that the tree holds on graphics cards; None when it says nothing."""
