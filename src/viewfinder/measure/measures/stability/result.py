"""Whether a model keeps answering as a fresh process does; as it is stored."""

from typing import Literal

from pydantic import Field

from viewfinder.measure.figures import Frozen, Missing
from viewfinder.measure.troubles.failures import Recovery
from viewfinder.measure.troubles.trouble import Code, Rate, Trouble

Sameness = Literal["bit-stable", "cache-split", "numeric", "unstable"]


class Agreement(Frozen):
    """`same` of `asked` questions were answered alike by all fresh `processes`."""

    same: int
    asked: int
    processes: int


class Repeats(Frozen):
    """One request again and again: bit-stable (all alike), cache-split (the first differs, the rest are
    alike), numeric (other words, the same answer) or unstable (other answers)."""

    kind: Sameness
    answers: int
    texts: int
    """How many different ones."""
    same_answer: bool
    """Whether all of them say the same, in whatever words."""


class Stability(Frozen):
    """`mix_ups` are answers about an image that was shown before; `after` counts those that came right after
    something else, by what it was; `together` answers to another request under way, by how many there were.

    `failures` are errors and empty answers where none was provoked, and `recovery` the worst that came of an
    error.
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
        """What a user must know; a cache that changes words and no answer is none."""
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
