"""Faults of a server that continues to answer, by stable codes; found by the measures `stability` and `soak`.

STATE.prev_image         the answer is about the previous image
STATE.frozen_image       the answer is about the process's first image, whatever is shown
STATE.cross_request      the answer belongs to another request that was in flight at the same time
STATE.canary_drift       the answer differs from that of a fresh process, and belongs to no other request
STATE.cache_split        a repeated request is answered in other words than when it was new
STATE.unstable           identical requests are answered differently
STATE.second_call_error  a fresh process answers its first image and fails at its second
SERVE.died               the engine ended, or broke the connection
SERVE.hung               no complete answer in time
REQ.refused              the engine answered with an error, with any HTTP status
OUT.empty                the answer has no text
MEM.leak                 memory grows with every request, without end
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from viewfinder.measure.figures import Frozen


class Code(StrEnum):
    """See the top of this file; a code is never renamed."""

    PREV_IMAGE = "STATE.prev_image"
    FROZEN_IMAGE = "STATE.frozen_image"
    CROSS_REQUEST = "STATE.cross_request"
    CANARY_DRIFT = "STATE.canary_drift"
    CACHE_SPLIT = "STATE.cache_split"
    UNSTABLE = "STATE.unstable"
    SECOND_CALL_ERROR = "STATE.second_call_error"
    DIED = "SERVE.died"
    HUNG = "SERVE.hung"
    REFUSED = "REQ.refused"
    EMPTY = "OUT.empty"
    LEAK = "MEM.leak"


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


class Step(Frozen):
    """One of the requests that show a trouble: about a scene, or without an image.

    `left`: the client disconnects at the answer's first words; `broken`: the image cannot be decoded.
    """

    scene: str
    question: str
    how: Literal["asked", "left", "broken"] = "asked"


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
    expected: str = ""
    said: str = ""
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


MIX_UPS = frozenset({Code.PREV_IMAGE, Code.FROZEN_IMAGE, Code.CROSS_REQUEST})
"""What makes a model one to avoid."""


def codes_in(troubles: Iterable[Trouble]) -> str:
    """`MEM.leak, STATE.unstable`, or "none"."""
    return ", ".join(sorted({trouble.code.value for trouble in troubles})) or "none"


def corruption_in(troubles: Iterable[Trouble]) -> tuple[str, ...]:
    """A sentence for each trouble in which users' images or answers are mixed up."""
    return tuple(trouble.sentence for trouble in troubles if trouble.code in MIX_UPS)
