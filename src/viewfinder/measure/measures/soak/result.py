"""What many requests in a row do to a server; made by `growth` and the soak stage, read by the guide."""

from typing import Literal

from viewfinder.measure.figures import Figure, Frozen, Measured, Missing
from viewfinder.measure.troubles.trouble import Code, Rate, Trouble

GrowthKind = Literal["flat", "plateau", "leak", "growth with cache", "unclear"]


class Growth(Frozen):
    """How the footprint of the server's tree goes with the requests, in MB (10^6 bytes) a request.

    `slope` is that of the last three quarters, `at_last` of the last third. `same_image` is the slope while
    one and the same image is shown, which gives a cache nothing new to keep. `rise_mb` is from the first
    requests to the last ones.
    """

    kind: GrowthKind
    slope: Figure
    at_last: Measured
    same_image: Measured
    rise_mb: float


class Soak(Frozen):
    """`canaries` are known images now and then: how many were answered otherwise than at the beginning.

    `latency` is the trend of the time of a whole request, `descriptors` and `threads` of what the tree holds.
    """

    requests: int
    failures: Rate
    canaries: Rate
    growth: Growth | Missing
    latency: Measured
    descriptors: Measured
    threads: Measured
    troubles: tuple[Trouble, ...] = ()

    @property
    def codes(self) -> frozenset[Code]:
        return frozenset(trouble.code for trouble in self.troubles)

    @property
    def issues(self) -> tuple[str, ...]:
        """What a user must know."""
        return tuple(trouble.sentence for trouble in self.troubles)
