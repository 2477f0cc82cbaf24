"""The trends of memory, time and answers over many requests, as they are stored."""

from typing import Literal

from viewfinder.measure.figures import Figure, Frozen, Measured, Missing
from viewfinder.measure.troubles.trouble import Rate, Trouble

GrowthKind = Literal["flat", "plateau", "leak", "growth with cache", "unclear"]


class Growth(Frozen):
    """How the footprint of the server's process tree grows with the requests, in MB (10^6 bytes) a request.

    `slope` is that of the last three quarters; `rise_mb` is from the first requests to the last ones.
    """

    kind: GrowthKind
    slope: Figure
    rise_mb: float


class FootprintRange(Frozen):
    """The lowest and the highest footprint, in MB (10^6 bytes), after the requests up to the `until`th,
    counted from 1, since the range before."""

    until: int
    low_mb: float
    high_mb: float


class Soak(Frozen):
    """`canaries` counts the answers to known images that were no longer the same as at the beginning.

    `latency` is the trend of the time of a whole request; `descriptors` and `threads` are the trends of those
    of the process tree. `footprints` are the readings behind `growth` over the requests with an image of
    their own, `same_image` those while one image was shown again and again; both are empty in results of
    older versions.
    """

    requests: int
    failures: Rate
    canaries: Rate
    growth: Growth | Missing
    latency: Measured
    descriptors: Measured
    threads: Measured
    troubles: tuple[Trouble, ...] = ()
    footprints: tuple[FootprintRange, ...] = ()
    same_image: tuple[FootprintRange, ...] = ()

    @property
    def issues(self) -> tuple[str, ...]:
        return tuple(trouble.sentence for trouble in self.troubles)
