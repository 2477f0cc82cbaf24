"""Known images, asked again and again: the proof that an engine still sees what it is shown.

Called by `fleet` when a process is fresh, after an error of its engine, when it is idle, and now and then.
No model answers every question right, so each has a set of its own, chosen once from the candidates here;
a model that answers none of them stays `unverified`, and is served.

    fault       what was said of a known image
    error       nothing: the engine refused, broke off, or took too long
    empty       no words
    repeated    the same few letters or words over and over
    stale       what is right for another image of the set, or what was said of the image before
    wrong       something else
"""

import functools
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from viewfinder.client.exchange import Exchange
from viewfinder.core.notebook import Notebook
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.questions import Question, is_right
from viewfinder.scenes.scene import make_scene

Ask = Callable[[dict[str, Any]], Awaitable[Exchange]]
"""Sends a request's body, as `ChatClient.exchange` does: a failure is in the exchange, not raised."""
Fault = Literal["", "wrong", "stale", "empty", "repeated", "error"]

SEEDS = (1, 22, 32, 144, 13, 69, 99, 10)
"""Scenes with one circle each, in eight colors, beside another shape; the first four differ most."""
FEWEST, MOST = 2, 4
"""Scenes in a model's own set."""
MAX_TOKENS = 32
READ_CHARACTERS, SAID_CHARACTERS = 1000, 300
"""So much of an answer is judged, and kept as evidence: an engine gone wrong may say megabytes."""
REPEATED = re.compile(r"(.{1,40}?)\1{7,}", re.DOTALL)
"""Anything up to 40 characters long, eight times in a row."""


@dataclass(frozen=True, slots=True)
class Known:
    """A scene whose circle's color is asked for."""

    name: str
    question: Question
    message: Message


@dataclass(frozen=True, slots=True)
class Finding:
    """What an examination found; `good` is None when there is nothing that this model could be asked.

    `evidence` has what was asked, in order, the fault last: `scene`, `question`, `expected`, `said`.
    """

    good: bool | None
    fault: Fault = ""
    evidence: list[dict[str, str]] = field(default_factory=list)

    @property
    def timed_out(self) -> bool:
        """Whether the fault is that no answer came in time."""
        return self.fault == "error" and self.evidence[-1]["said"].startswith("timeout:")


class CanaryStore:
    """The sets of one file, by `canary_key`."""

    def __init__(self, file: Path) -> None:
        self._notes = Notebook(file)

    def get(self, key: str) -> tuple[Known, ...] | None:
        """The set that was chosen; None: none yet, or its scenes are no more."""
        names = self._notes.get(key)
        if not isinstance(names, list):
            return None
        known = tuple(one for one in candidates() if one.name in names)
        return known if len(known) == len(names) >= FEWEST else None

    def put(self, key: str, chosen: Iterable[Known]) -> None:
        self._notes.put(key, [one.name for one in chosen])


class Canary:
    """The canary of one model; its set outlives the process that it was chosen on, and so does this."""

    def __init__(self, store: CanaryStore, key: str, *, model: str) -> None:
        self._store, self._key, self._model = store, key, model
        self._set = store.get(key)
        self._turn = 0
        self._said_before = ""

    @property
    def is_chosen(self) -> bool:
        """Whether a set was looked for."""
        return self._set is not None

    @property
    def scenes(self) -> tuple[str, ...]:
        """The model's own set; empty: `unverified`."""
        return tuple(one.name for one in self._set or ())

    async def choose(self, ask: Ask) -> None:
        """Choose the model's own set on a fresh server; does nothing when that was done before.

        Candidates are asked until enough were answered right, and these once more in reverse order: those
        that were answered right and the same both times are kept. When too few are, the model is unverified
        until the next run of Viewfinder; if the engine met an error, until its next fresh process.
        """
        if self._set is not None:
            return
        kept: list[Known] = []
        left, met_error = list(candidates()), False
        while left and len(kept) < FEWEST:
            answered: list[tuple[Known, str]] = []
            while left and len(kept) + len(answered) < MOST:
                one = left.pop(0)
                said = await ask(self._body(one, None))
                met_error = met_error or bool(said.error)
                if not _fault(one, said, ()):
                    answered.append((one, said.text))
            for one, text in reversed(answered):
                said = await ask(self._body(one, None))
                met_error = met_error or bool(said.error)
                if not said.error and said.text == text:
                    kept.append(one)
        if len(kept) >= FEWEST:
            self._set = tuple(one for one in candidates() if one in kept)
            self._store.put(self._key, self._set)
        elif not met_error:
            self._set = ()

    async def examine(self, ask: Ask, n: int = 2, slots: Sequence[int | None] = (None,)) -> Finding:
        """Ask `n` scenes of the set one after the other, in each of the slots (None: where the engine likes),
        up to the first fault. Two calls in a row never begin with the same scene."""
        if not self._set:
            return Finding(None)
        evidence = []
        for slot in slots:
            for number in range(n):
                one = self._set[(self._turn + number) % len(self._set)]
                said = await ask(self._body(one, slot))
                fault = _fault(one, said, self._set, self._said_before)
                self._said_before = said.text[:READ_CHARACTERS].strip()
                evidence.append(_evidence(one, said))
                if fault:
                    self._turn += 1
                    return Finding(False, fault, evidence)
            self._turn += 1
        return Finding(True, "", evidence)

    def _body(self, one: Known, slot: int | None) -> dict[str, Any]:
        body = {
            "model": self._model,
            "messages": [one.message],
            "max_tokens": MAX_TOKENS,
            "temperature": 0,
        }
        return body if slot is None else body | {"id_slot": slot}


def canary_key(weights_hash: str, engine: str, engine_version: str, variant: str) -> str:
    """What a set is kept by: everything that the answers depend on."""
    return f"{variant} {engine} {engine_version} {weights_hash}"


@functools.cache
def candidates() -> tuple[Known, ...]:
    """The scenes to choose from; no two have the same answer."""
    return tuple(map(_known, SEEDS))


def is_repeated(text: str) -> bool:
    """Whether a text is stuck: the same few letters or words over and over."""
    return REPEATED.search(" ".join(text[:READ_CHARACTERS].split()) + " ") is not None


def _known(seed: int) -> Known:
    name = f"canary/{seed}"
    scene = make_scene(name, things=2, longest=(224, 256))
    (circle,) = [thing for thing in scene.things if thing.shape == "circle"]
    question = Question("color", "What color is the circle?", f"{circle.color.capitalize()}.")
    return Known(name, question, image_message(scene, question.text))


def _fault(one: Known, said: Exchange, known: Iterable[Known], said_before: str = "") -> Fault:
    text = said.text[:READ_CHARACTERS].strip()
    if said.error:
        return "error"
    if not text:
        return "empty"
    if is_repeated(text):
        return "repeated"
    if is_right(one.question, text):
        return ""
    others = (other for other in known if other is not one)
    if text == said_before or any(is_right(other.question, text) for other in others):
        return "stale"
    return "wrong"


def _evidence(one: Known, said: Exchange) -> dict[str, str]:
    return {
        "scene": one.name,
        "question": one.question.text,
        "expected": one.question.answer,
        "said": (said.error or said.text)[:SAID_CHARACTERS],
    }
