"""The canary: questions about known images, asked repeatedly to prove that an engine still sees its images.

`canary_checks` decides when they are asked. No model answers every question right, so each model has its own
set, chosen once from the candidates here. A model that answers too few of them stays unverified, and is
served.

    fault       the answer about a known image
    error       none: the engine refused, broke off, or took too long
    empty       no text
    repeated    the same few letters or words over and over
    stale       right for another image of the set, or the same answer as for the image before
    wrong       anything else
"""

import functools
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from viewfinder.client.exchange import Exchange
from viewfinder.core.notebook import Notebook
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.questions import Question, is_right
from viewfinder.scenes.scene import make_scene

Ask = Callable[[dict[str, Any]], Awaitable[Exchange]]
"""Sends the body of a request like `ChatClient.exchange`: an error is stored in the exchange, not raised."""
Fault = Literal["", "wrong", "stale", "empty", "repeated", "error"]

SEEDS = (1, 22, 32, 144, 13, 69, 99, 10)
"""Scenes of one circle and one other shape; the circles have eight colors, the first four differ most."""
FEWEST_SCENES, MOST_SCENES = 2, 4
"""The number of scenes in a model's set."""
MAX_TOKENS = 32
READ_CHARACTERS, EVIDENCE_CHARACTERS = 1000, 300
"""How much of an answer is read, and kept as evidence: a broken engine may send megabytes."""
REPEATED = re.compile(r"(.{1,40}?)\1{7,}", re.DOTALL)
"""Anything up to 40 characters long, eight times in a row."""


@dataclass(frozen=True, slots=True)
class KnownImage:
    """A scene, and the question for the color of its circle."""

    name: str
    question: Question
    message: Message


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """The result of a check; `good` is None when the model has no canary.

    `evidence` lists the questions in order, the failed one last: `scene`, `question`, `expected`, `said`.
    """

    good: bool | None
    fault: Fault = ""
    evidence: list[dict[str, str]] = field(default_factory=list)

    @property
    def timed_out(self) -> bool:
        """Whether the check failed because an answer took too long."""
        return self.fault == "error" and self.evidence[-1]["said"].startswith("timeout:")


class CanaryStore:
    """The chosen sets, stored in one file by `canary_key`."""

    def __init__(self, file: Path) -> None:
        self._notes = Notebook(file)

    def get(self, key: str) -> tuple[KnownImage, ...] | None:
        """The stored set; None: none was chosen yet, or its scenes no longer exist."""
        names = self._notes.get(key)
        if not isinstance(names, list):
            return None
        known = tuple(one for one in candidates() if one.name in names)
        return known if len(known) == len(names) >= FEWEST_SCENES else None

    def put(self, key: str, chosen: Iterable[KnownImage]) -> None:
        self._notes.put(key, [one.name for one in chosen])


class Canary:
    """The canary of one model; it stays the same when the server process is replaced."""

    def __init__(self, store: CanaryStore, key: str, *, model: str) -> None:
        self._store, self._key, self._model = store, key, model
        self._set = store.get(key)
        self._next = 0
        self._last_text = ""

    @property
    def is_chosen(self) -> bool:
        """Whether a set was chosen; it may be empty."""
        return self._set is not None

    @property
    def scenes(self) -> tuple[str, ...]:
        """The names of the scenes in the model's set; empty: the model is unverified."""
        return tuple(one.name for one in self._set or ())

    async def choose(self, ask: Ask) -> None:
        """Choose the model's set on a fresh server; does nothing when a set was chosen before.

        Candidates are asked until enough answers are right, and these again in reverse order. Those with the
        same right answer both times are kept. With too few of them, the model stays unverified until
        Viewfinder is restarted, or, if a request failed, until the next server process.
        """
        if self._set is not None:
            return
        kept: list[KnownImage] = []
        left, met_error = list(candidates()), False
        while left and len(kept) < FEWEST_SCENES:
            answered: list[tuple[KnownImage, str]] = []
            while left and len(kept) + len(answered) < MOST_SCENES:
                one = left.pop(0)
                exchange = await ask(self._body(one, None))
                met_error = met_error or bool(exchange.error)
                if not _fault(one, exchange, ()):
                    answered.append((one, exchange.text))
            for one, text in reversed(answered):
                exchange = await ask(self._body(one, None))
                met_error = met_error or bool(exchange.error)
                if not exchange.error and exchange.text == text:
                    kept.append(one)
        if len(kept) >= FEWEST_SCENES:
            self._set = tuple(one for one in candidates() if one in kept)
            self._store.put(self._key, self._set)
        elif not met_error:
            self._set = ()

    async def check(self, ask: Ask, n: int = 2, slots: Sequence[int | None] = (None,)) -> CanaryResult:
        """Ask about `n` scenes of the set, one after the other, in each slot (None: the engine chooses),
        until the first fault. Two calls in a row never begin with the same scene."""
        if not self._set:
            return CanaryResult(None)
        evidence = []
        for slot in slots:
            for number in range(n):
                one = self._set[(self._next + number) % len(self._set)]
                exchange = await ask(self._body(one, slot))
                fault = _fault(one, exchange, self._set, self._last_text)
                self._last_text = exchange.text[:READ_CHARACTERS].strip()
                evidence.append(_evidence(one, exchange))
                if fault:
                    self._next += 1
                    return CanaryResult(False, fault, evidence)
            self._next += 1
        return CanaryResult(True, "", evidence)

    def _body(self, one: KnownImage, slot: int | None) -> dict[str, Any]:
        body = {
            "model": self._model,
            "messages": [one.message],
            "max_tokens": MAX_TOKENS,
            "temperature": 0,
        }
        return body if slot is None else body | {"id_slot": slot}


def canary_key(
    weights_hash: str,
    engine: str,
    engine_version: str,
    variant: str,
    options: Mapping[str, Any] | None = None,
) -> str:
    """The key of a set: everything that the answers depend on."""
    key = f"{variant} {engine} {engine_version} {weights_hash}"
    return f"{key} {json.dumps(options, sort_keys=True)}" if options else key


@functools.cache
def candidates() -> tuple[KnownImage, ...]:
    """The scenes to choose from; each has another answer."""
    return tuple(map(_known, SEEDS))


def is_repeated(text: str) -> bool:
    """Whether a text repeats the same few letters or words over and over."""
    return REPEATED.search(" ".join(text[:READ_CHARACTERS].split()) + " ") is not None


def _known(seed: int) -> KnownImage:
    name = f"canary/{seed}"
    scene = make_scene(name, things=2, longest=(224, 256))
    (circle,) = [thing for thing in scene.things if thing.shape == "circle"]
    question = Question("color", "What color is the circle?", f"{circle.color.capitalize()}.")
    return KnownImage(name, question, image_message(scene, question.text))


def _fault(one: KnownImage, exchange: Exchange, known: Iterable[KnownImage], last_text: str = "") -> Fault:
    text = exchange.text[:READ_CHARACTERS].strip()
    if exchange.error:
        return "error"
    if not text:
        return "empty"
    if is_repeated(text):
        return "repeated"
    if is_right(one.question, text):
        return ""
    others = (other for other in known if other is not one)
    if text == last_text or any(is_right(other.question, text) for other in others):
        return "stale"
    return "wrong"


def _evidence(one: KnownImage, exchange: Exchange) -> dict[str, str]:
    return {
        "scene": one.name,
        "question": one.question.text,
        "expected": one.question.answer,
        "said": exchange.error.partition("The server refused:")[0].strip() or _shown(exchange.text),
    }


def _shown(text: str) -> str:
    """The answer with those words alone that the canary's own questions and answers have: an engine that
    mixes up requests says what belongs to another, and the event log must not keep that."""
    own = {word for one in candidates() for word in _words(f"{one.question.text} {one.question.answer}")}
    words = _words(text[:EVIDENCE_CHARACTERS])
    return " ".join(word if word in own else "..." for word in words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
