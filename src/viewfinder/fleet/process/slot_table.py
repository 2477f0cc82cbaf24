"""Which slot of an engine a request gets, so that what a slot still knows need not be computed again.

llama.cpp's server compares only beginnings, so a short text overwrites a picture that is asked about again,
and two users between two questions of a third cost that one its picture. Made by `life` for an engine with
several slots; asked by `fleet` for each lease.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

DOUBTFUL_S = 30.0
"""How long a slot may still be busy whose request was given up: an image cannot be interrupted."""


class PromptPiece(NamedTuple):
    """A text or an image of a prompt: `key` tells it from others, `cost` is about what it takes to compute,
    in characters of text."""

    key: int
    cost: int


PromptPieces = Sequence[PromptPiece]
"""What a request says, from its beginning."""


@dataclass(slots=True)
class _Slot:
    """`used` is the number of the request that used it last."""

    prompt: PromptPieces = ()
    used: int = 0
    is_taken: bool = False
    doubtful_until_s: float = 0.0


class SlotTable:
    """What is known of the slots of one process."""

    def __init__(self, number: int) -> None:
        self._slots = [_Slot() for _ in range(number)]
        self._requests = 0

    def take(self, prompt: PromptPieces) -> int | None:
        """The free slot that costs least: what it has to compute, and what is lost. None: let the engine
        choose, because all are busy or may still be."""
        now_s = time.monotonic()
        free = [
            number
            for number, slot in enumerate(self._slots)
            if not slot.is_taken and slot.doubtful_until_s <= now_s
        ]
        if not free:
            return None
        best = min(free, key=lambda number: self._price(self._slots[number], prompt))
        self.hold(best, prompt)
        return best

    def hold(self, number: int, prompt: PromptPieces) -> None:
        """The slot computes this prompt now."""
        self._requests += 1
        slot = self._slots[number]
        slot.prompt, slot.used, slot.is_taken = prompt, self._requests, True

    def free(self, number: int, *, is_idle: bool = True) -> None:
        """Its request has ended; the engine may still compute for it where it was given up."""
        slot = self._slots[number]
        slot.is_taken = False
        if not is_idle:
            slot.doubtful_until_s = time.monotonic() + DOUBTFUL_S

    def spare(self) -> int | None:
        """The free slot whose prompt is worth least, which is overwritten now: by a canary. None: none is
        free."""
        free = [number for number, slot in enumerate(self._slots) if not slot.is_taken]
        number = min(free, key=lambda one: self._worth(self._slots[one]), default=None)
        if number is not None:
            self._slots[number].prompt = ()
        return number

    def _price(self, slot: _Slot, prompt: PromptPieces) -> float:
        """What is to be computed, and what is lost of its own prompt, as far as it is worth it."""
        known, held = _known(slot.prompt, prompt), _cost(slot.prompt)
        lost = self._worth(slot) * (held - known) / held if held else 0
        return _cost(prompt) - known + lost

    def _worth(self, slot: _Slot) -> float:
        """What its prompt cost, less with every request since it was used: then it may be used no more."""
        return _cost(slot.prompt) / (1 + self._requests - slot.used)


def _known(held: PromptPieces, prompt: PromptPieces) -> int:
    """The cost of the beginning that both have."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(held, prompt, strict=False))
    return _cost([piece for piece, _ in alike])


def _cost(prompt: PromptPieces) -> int:
    return sum(piece.cost for piece in prompt)
