"""A curve from what a model says to how often it is right; made by measure, applied by the gateway."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (raw, calibrated) with straight lines between; beyond the outer ones it is level.

    Raises ValueError for points that are no such curve.
    """

    raw: tuple[float, ...]
    calibrated: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.raw or len(self.raw) != len(self.calibrated):
            raise ValueError("a curve needs as many values as points")
        if not (_rises(self.raw, strictly=True) and _rises(self.calibrated, strictly=False)):
            raise ValueError("a calibration must rise")
        if not all(0 <= value <= 1 for value in (*self.raw, *self.calibrated)):
            raise ValueError("a probability is between 0 and 1")

    def at(self, raw: float) -> float:
        """The calibrated probability for one that a model gives."""
        after = bisect_right(self.raw, raw)
        if after == 0:
            return self.calibrated[0]
        if after == len(self.raw):
            return self.calibrated[-1]
        low, high = self.raw[after - 1], self.raw[after]
        share = (raw - low) / (high - low)
        return self.calibrated[after - 1] * (1 - share) + self.calibrated[after] * share


def _rises(values: Sequence[float], *, strictly: bool) -> bool:
    return all(a < b if strictly else a <= b for a, b in pairwise(values))
