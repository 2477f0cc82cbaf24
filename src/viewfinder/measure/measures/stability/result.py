"""Whether a model keeps answering as a fresh process does, as it is stored."""

from typing import Literal

from pydantic import Field

from viewfinder.measure.figures import Frozen, Missing
from viewfinder.measure.troubles.failures import Recovery
from viewfinder.measure.troubles.trouble import Code, Rate, Trouble

Sameness = Literal["bit-stable", "cache-split", "numeric", "unstable"]


class Agreement(Frozen):
    """`same` of `asked` questions got the same answer from all fresh `processes`."""

    same: int
    asked: int
    processes: int


class Repeats(Frozen):
    """The same request again and again: bit-stable (all replies identical), cache-split (the first differs,
    the rest are identical), numeric (other words, the same answer) or unstable (other answers)."""

    kind: Sameness
    answers: int
    texts: int
    """The number of different replies."""
    same_answer: bool
    """Whether all of them give the same answer, in whatever words."""


class Stability(Frozen):
    """`mix_ups` are answers about an image that was sent before; `after` counts those right after a request
    of another kind, by kind; `together` counts answers to another request under way, by the number of
    clients.

    `failures` are errors and empty answers that the measure did not provoke; `recovery` is the worst
    consequence of an error.
    """

    references: Agreement
    repeats: Repeats | Missing
    mix_ups: Rate | Missing
    after: dict[str, Rate] = Field(default_factory=dict)
    together: dict[int, Rate] | Missing
    failures: Rate
    recovery: Recovery | None = None
    troubles: tuple[Trouble, ...] = ()

    @property
    def issues(self) -> tuple[str, ...]:
        """What a user must know; a cache that changes the words and not the answer is not an issue."""
        harmless = isinstance(self.repeats, Repeats) and self.repeats.same_answer
        said = [
            trouble.sentence
            for trouble in self.troubles
            if not (harmless and trouble.code in (Code.CACHE_SPLIT, Code.UNSTABLE))
        ]
        if self.recovery == "needs reload":
            said.append("After an error only a fresh process answered again.")
        elif self.recovery == "lasting":
            said.append("After an error not even a fresh process answered such a request.")
        return tuple(said)
