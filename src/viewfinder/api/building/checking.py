"""Whether a native llama.cpp answers as that of the wheel does, and how much faster it is; called by `build`.

Both run glimpse, the model in the package, whose answers are known: the build must answer the canary's images
right, and as many questions about scenes as the wheel.
"""

import itertools
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from viewfinder.api.model import Model, load
from viewfinder.api.setup import card_of, open_catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest, EngineError
from viewfinder.fleet.health.canary import candidates
from viewfinder.measure.statistics.over_processes import compare, of_process
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.questions import Question, ask_about, is_right
from viewfinder.scenes.scene import Scene, make_scene

GLIMPSE, ENGINE = "glimpse", "llama.cpp"
_KINDS = ("count", "color", "shape", "exists")
MOST_LOST = 0.02
"""The share of right answers that a build may lose: rounding differs, and with it a close answer."""
_SHOWN = 5
PAIRS, EACH = 6, 4
"""Fresh processes of each that take turns, and the questions to each of both kinds."""
_TOKENS = 32
OnShare = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class SameAnswers:
    """Of `asked` scenes: how many answers are the same, how many are right, and the first that differ."""

    asked: int
    same: int
    right_wheel: int
    right_native: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times as fast the build is, with the 95 % interval, and the typical seconds of both."""

    value: float
    low: float
    high: float
    wheel_s: float
    native_s: float


class Sides:
    """The wheel's llama.cpp and the build, each to be loaded by itself."""

    def __init__(self, program: Path, settings: Settings) -> None:
        self._settings = settings.model_copy(
            update={"fleet": settings.fleet.model_copy(update={"canary": False, "check_upgrades": False})}
        )
        self._programs = {"wheel": None, "native": program}

    def loaded(self, side: str, model: str = GLIMPSE) -> AbstractContextManager[Model]:
        """A fresh server process of this model."""
        engine = self._settings.engine.model_copy(update={"llama_server": self._programs[side], "args": ()})
        settings = self._settings.model_copy(update={"engine": engine, "engine_for": {}})
        return load(model, variant=_variant(model, settings), settings=settings)


def check_answers(sides: Sides, scenes: int, tell: OnShare) -> SameAnswers:
    """Ask both the same questions. Raises EngineError when the build fails the canary."""
    asked = list(itertools.islice(_questions(), scenes))
    answers: dict[str, list[str]] = {}
    for place, side in enumerate(("native", "wheel")):
        with sides.loaded(side) as model:
            if side == "native":
                _require_canary(model)
            answers[side] = []
            for number, (scene, question) in enumerate(asked):
                answers[side].append(str(model.ask(encode(scene), question.text, max_tokens=_TOKENS)).strip())
                tell((place + (number + 1) / scenes) / 2)
    return _compared(asked, answers["wheel"], answers["native"])


def require_as_good(parity: SameAnswers) -> None:
    """Raise EngineError when the build answers worse than the wheel by more than close answers explain."""
    if parity.right_native < parity.right_wheel - MOST_LOST * parity.asked:
        raise EngineError(
            f"The build answers {parity.right_native} of {parity.asked} known questions right, the wheel's "
            f"llama.cpp {parity.right_wheel}: it is not used.",
            hint="Build another version (--version), or stay with the wheel.",
            code="build_wrong",
        )


def measure_gain(sides: Sides, model: str, tell: OnShare) -> dict[str, Speedup]:
    """How much faster text and pictures are, in fresh processes that take turns."""
    took: dict[tuple[str, str], list[float]] = {}
    numbers = itertools.count()
    for pair in range(PAIRS):
        order = ("wheel", "native") if pair % 2 else ("native", "wheel")
        for place, side in enumerate(order):
            with sides.loaded(side, model) as loaded:
                for kind in ("text", "picture"):
                    _ask(loaded, kind, next(numbers))  # the first one warms up
                    times = [_ask(loaded, kind, next(numbers)) for _ in range(EACH)]
                    took.setdefault((kind, side), []).append(of_process(times))
            tell((2 * pair + place + 1) / 2 / PAIRS)
    return {kind: _speedup(took[kind, "wheel"], took[kind, "native"]) for kind in ("text", "picture")}


def _speedup(wheel: Sequence[float], native: Sequence[float]) -> Speedup:
    contrast = compare(wheel, native, side_by_side=True)
    value, low, high = (math.exp(one) for one in (contrast.value, contrast.low, contrast.high))
    return Speedup(value, low, high, of_process(wheel), of_process(native))


def _ask(model: Model, kind: str, number: int) -> float:
    text = f"Question {number}: which shapes have you seen, of which colors, and where were they?"
    parts = [text] if kind == "text" else [encode(make_scene(f"gain/{number}", longest=(512, 512))), text]
    begin_s = time.perf_counter()
    model.ask(*parts, max_tokens=_TOKENS)
    return time.perf_counter() - begin_s


def _require_canary(model: Model) -> None:
    """Raise EngineError unless each known image is answered right."""
    for known in candidates():
        said = str("".join(model.answer_to([known.message], max_tokens=_TOKENS)))
        if not is_right(known.question, said):
            raise EngineError(
                f"The build fails the canary: it says {said[:60]!r} of an image of which "
                f"'{known.question.answer}' is known. It is not used.",
                hint="Build another version (--version), or stay with the wheel.",
                code="build_wrong",
            )


def _questions() -> Iterator[tuple[Scene, Question]]:
    def one(number: int) -> list[tuple[Scene, Question]]:
        scene = make_scene(f"parity/{number}", longest=(192, 384))
        question = ask_about(scene, _KINDS[number % len(_KINDS)], random.Random(number))
        return [(scene, question)] if question else []

    return itertools.chain.from_iterable(map(one, itertools.count()))


def _compared(asked: Sequence[tuple[Scene, Question]], wheel: list[str], native: list[str]) -> SameAnswers:
    pairs = list(zip(asked, wheel, native, strict=True))
    differ = [
        f"{question.text} The wheel says {theirs[:60]!r}, the build {ours[:60]!r}; right: {question.answer}."
        for (_, question), theirs, ours in pairs
        if theirs != ours
    ]
    return SameAnswers(
        asked=len(asked),
        same=len(asked) - len(differ),
        right_wheel=sum(is_right(question, said) for (_, question), said, _ in pairs),
        right_native=sum(is_right(question, said) for (_, question), _, said in pairs),
        differences=tuple(differ[:_SHOWN]),
    )


def _variant(model: str, settings: Settings) -> str | None:
    """The model's variant for llama.cpp: with its name, no running `serve` is asked in its place. None for a
    file, which no `serve` knows."""
    catalog = open_catalog(settings)
    card = card_of(catalog, model)
    if catalog.was_added(card):
        return None
    for variant in card.variants:
        if variant.engine == ENGINE:
            return variant.name
    raise BadRequest(f"'{model}' has no variant for llama.cpp.", hint="Name another model.", param="model")
