"""A figure with how it was measured, or the reason why there is none; imported by all of measure and by the
report."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["spawned", "ready", "first_answer", "steady", "peak", "unloaded"]

_SCALES = {
    "s": {"s": 1.0, "ms": 1e-3},
    "ms": {"ms": 1.0, "s": 1e3},
    "GB": {"GB": 1.0, "MB": 1e-3, "bytes": 1e-9, "B": 1e-9, "MiB": 2**20 / 1e9, "GiB": 2**30 / 1e9},
}
"""Unit to show > stored unit > factor. GB is 10^9 bytes, as in the published report."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Frozen):
    """A number with its 95 % interval, in `unit`; `how` says in one clause how it was measured.

    `n` is the number of measurements (requests, process starts). The interval is over fresh server processes,
    whose number is in `how`: requests to one process are not independent of each other.
    """

    value: float
    low: float
    high: float
    n: int
    unit: str
    how: str
    is_range: bool = False
    """Whether `low` to `high` is only the range of the measurements: too few processes for an interval."""


class Missing(Frozen):
    """A number that could not be measured, and why."""

    missing: str


Measured = Figure | Missing

NO_VISION = Missing(missing="this variant takes no images")
NOT_OURS = Missing(missing="the server was running already and is not ours to look into")
NOT_REACHED = Missing(missing="the measurement broke off before it")


class Gate(Frozen):
    """Known-answer questions: `right` of `asked` were answered right; `rule` says what it takes to pass.

    `answered` counts the questions that got an answer at all, right or wrong; None in results of older
    versions.
    """

    passed: bool
    right: int
    asked: int
    rule: str
    answered: int | None = None

    @property
    def never_answered(self) -> bool:
        """Whether every question got an error or an empty answer: the variant cannot do this here."""
        return self.answered == 0 < self.asked


class Memory(Frozen):
    """Bytes of the server's process tree at one phase (see `host/memory`)."""

    footprint_bytes: int
    anonymous_bytes: int
    swap_bytes: int
    mapped_bytes: int
    pss_bytes: int
    kernel_peak_bytes: int | None = None
    """The most that the tree ever held until then, by the kernel's high-water marks; None: it keeps none."""
    shared: bool = False
    """Whether a process outside the tree mapped the model's files too."""
    graphics_bytes: int | None = None
    """What the tree holds on graphics cards, as NVIDIA's driver reports; None: it reports nothing."""


def in_unit(measured: Measured, unit: str) -> Measured:
    """The same figure in `unit`; Missing when its stored unit cannot be converted."""
    if isinstance(measured, Missing):
        return measured
    factor = 1.0 if measured.unit == unit else _SCALES.get(unit, {}).get(measured.unit)
    if factor is None:
        return Missing(missing=f"it is stored in {measured.unit!r}, which cannot be shown in {unit}")
    if not math.isfinite(measured.value):
        return Missing(missing="the stored value is not a number")
    low, high = measured.low * factor, measured.high * factor
    return measured.model_copy(
        update={"value": measured.value * factor, "low": low, "high": high, "unit": unit}
    )
