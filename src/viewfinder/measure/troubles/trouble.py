"""Faults of a server that continues to answer, by stable codes; found by `stability` and `soak`."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator

from viewfinder.measure.figures import Frozen


class Code(StrEnum):
    """A code is never renamed."""

    PREV_IMAGE = "STATE.prev_image"  # the answer is about the previous image
    FROZEN_IMAGE = "STATE.frozen_image"  # it is about the process's first image, whatever is shown
    CROSS_REQUEST = "STATE.cross_request"  # it belongs to another request that was in flight then
    CANARY_DRIFT = "STATE.canary_drift"  # it is not a fresh process's, and belongs to no other request
    CACHE_SPLIT = "STATE.cache_split"  # a repeated request has other words than when it was new
    UNSTABLE = "STATE.unstable"  # identical requests are answered differently
    SECOND_CALL_ERROR = "STATE.second_call_error"  # a fresh process fails at its second image
    DIED = "SERVE.died"  # the engine ended, or broke the connection
    HUNG = "SERVE.hung"  # no complete answer in time
    REFUSED = "REQ.refused"  # the engine answered with an error, with any HTTP status
    EMPTY = "OUT.empty"  # the answer has no text
    LEAK = "MEM.leak"  # memory grows with every request, without end


class Rate(Frozen):
    """`events` of `asked`; surely below the share `at_most` (0 to 1, one-sided 95 %)."""

    events: int
    asked: int
    at_most: float

    @property
    def words(self) -> str:
        """`2 of 60 (below 10 %)`."""
        if not self.asked:
            return "none asked"
        return f"{self.events} of {self.asked} (below {100 * self.at_most:.2g} %)"


HowSent = Literal["asked", "left", "broken"]


class Step(Frozen):
    """One of the requests that show a trouble: about a scene, or without an image.

    `left`: the client disconnects at the answer's first words; `broken`: the image cannot be decoded.
    """

    scene: str
    question: str
    how: HowSent = "asked"


Said = Annotated[str, AfterValidator(lambda words: words[:200])]


class Trouble(Frozen):
    """A fault, how often it occurred (None: it has no rate), and its first occurrence: the requests (`steps`)
    that led to the answer or error `said`.

    `after` says what came between the two images, if it takes that. `together`: the steps are in flight at
    the same time, and the last one was answered wrong. `reproducer` is the folder, inside the state folder,
    from which all of it can be sent again; empty: there is none.
    """

    code: Code
    rate: Rate | None = None
    after: str = ""
    expected: Said = ""
    said: Said = ""
    steps: tuple[Step, ...] = ()
    together: bool = False
    reproducer: str = ""

    @property
    def sentence(self) -> str:
        """The code, how often it occurred, and an example."""
        if self.rate is None:
            return f"{self.code.value}: {self.said}."
        words = f"{self.code.value}: {self.rate.events} of {self.rate.asked} requests"
        if self.after:
            words += f", first {'with' if self.together else 'after'} {self.after}"
        if self.said:
            words += f"; for example '{self.said}'"
            words += f" where '{self.expected}' was expected" if self.expected else ""
        return f"{words}; to reproduce it: {self.reproducer}." if self.reproducer else f"{words}."


MIX_UPS = (Code.PREV_IMAGE, Code.FROZEN_IMAGE, Code.CROSS_REQUEST)
"""What makes a model one to avoid."""


def codes_in(troubles: Iterable[Trouble]) -> str:
    """`MEM.leak, STATE.unstable`, or "none"."""
    return ", ".join(sorted({trouble.code.value for trouble in troubles})) or "none"


def corruption_in(troubles: Iterable[Trouble]) -> tuple[str, ...]:
    """A sentence for each trouble in which users' images or answers are mixed up."""
    return tuple(trouble.sentence for trouble in troubles if trouble.code in MIX_UPS)
