"""Runs of `bench` on the tests' faulty engine, one model a fault; called by `planted`."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.validity.running import Ran, run
from tests.faults.plugin.faulty_sight import digest_of, last_of, picture_in
from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.engines import registry
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite

PLUGIN = Path(__file__).parents[2] / "tests" / "faults" / "plugin"
TTFT_S, ITL_S, MISTAKEN = 0.03, 0.003, 0.05
"""The engine without its fault: its times, and 5 % of all questions answered wrong."""


def plant(faults: Mapping[str, str], suite: Suite, folder: Path, show: Callable[[str], None]) -> Ran:
    """Measure models of these names, each with its fault, in one run of the suite."""
    with _engine(), _taught(folder):
        cards = [_card(name, fault, folder / name) for name, fault in faults.items()]
        return run(cards, suite, Catalog(), folder, show)


def _card(name: str, fault: str, memory: Path) -> ModelCard:
    memory.mkdir()
    truths = memory / "truths.json"
    truths.write_text("{}")
    manner = {"ttft_s": TTFT_S, "itl_s": ITL_S, "mistaken": MISTAKEN, "lessons": True}
    (memory / "manner.json").write_text(json.dumps(manner))
    variant = Variant(
        name="faulty",
        engine="faulty",
        repo=f"{fault}/always",
        source="disk",
        model=truths,
        vision=True,
        text=True,
    )
    return ModelCard(name=name, title=fault, license="MIT", summary="A fault.", variants=(variant,))


@contextmanager
def _engine() -> Iterator[None]:
    """The faulty engine's package, as if it were installed."""
    sys.path.insert(0, str(PLUGIN))
    registry.engines.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(PLUGIN))
        registry.engines.cache_clear()


@contextmanager
def _taught(folder: Path) -> Iterator[None]:
    """Within the block, the engine gets the right answer to each question just before it is asked.

    So it knows the answers to the questions of every measure, also of later ones. This happens between two
    requests, where nothing is timed.
    """
    ask = Subject.ask

    async def teach_and_ask(self: Subject, scenario: str, prompt: Prompt, *rest: Any, **more: Any) -> Any:
        lessons = folder / self.server.card.name / "lessons.jsonl"
        if lessons.parent.is_dir():  # not a model of another engine
            _teach(lessons, prompt)
        return await ask(self, scenario, prompt, *rest, **more)

    Subject.ask = teach_and_ask  # type: ignore[method-assign]
    try:
        yield
    finally:
        Subject.ask = ask  # type: ignore[method-assign]


def _teach(lessons: Path, prompt: Prompt) -> None:
    url, question = last_of(prompt.messages)
    try:
        picture = digest_of(picture_in(url)) if url else "none"
    except OSError:  # broken on purpose: there is no right answer
        return
    with lessons.open("a", encoding="utf-8") as file:
        file.write(json.dumps([picture, question, prompt.expected or _description(picture, question)]) + "\n")


def _description(picture: str, question: str) -> str:
    """An answer that belongs to this picture alone, always with the same number of words."""
    number = int(hashlib.sha256(f"{picture} {question}".encode()).hexdigest(), 16)
    return " ".join(["Numbers", *str(number)[:14]])
