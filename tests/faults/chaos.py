"""Eight clients ask a real fleet of glimpse about unique scenes while its processes are killed at random.

Called by `test_chaos`; the record of a long run is printed in docs/reliability.md.
"""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from tests.faults.gateway import Gateway, Reply
from viewfinder.api.setup import open_catalog
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import EngineSettings, FleetSettings, LocalModel, Settings
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.questions import Question, ask_about
from viewfinder.scenes.scene import Scene, make_scene

MODELS = ("one", "two", "three")
CLIENTS = 8
STUCK_S = 60.0
"""A request that takes longer has been forgotten."""


def catalog_and_settings() -> tuple[Catalog, Settings]:
    """glimpse under three names, so that there are three engines.

    The restart rule is set for a planted killer: each of its kills stands for itself, and none is the last.
    """
    files = Catalog().resolve(Catalog().get("glimpse").variant())
    settings = Settings(
        port=0,
        models={name: LocalModel(model=files.model, mmproj=files.mmproj) for name in MODELS},
        engine=EngineSettings(threads=1),  # three engines share the cores
        fleet=FleetSettings(deaths=10_000, stable_s=1.0),
    )
    return open_catalog(settings), settings


@dataclass(frozen=True)
class Asked:
    """One request, about a scene that no other request shows, and its end; None: it never came."""

    number: int
    model: str
    started_s: float
    ended_s: float
    reply: Reply | None

    def overlaps(self, other: "Asked") -> bool:
        return self.started_s < other.ended_s and other.started_s < self.ended_s


@dataclass(frozen=True)
class Kill:
    """What was killed: the engine or the warden of a model, or the decoder."""

    what: str
    model: str
    at_s: float


@dataclass
class Run:
    """What was asked and killed."""

    gateway: Gateway
    seed: str
    asked: list[Asked] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)

    async def go(self, seconds: float, every_s: float) -> None:
        """Ask for so long, killing something `every_s`; then let what was asked end."""
        until_s = time.monotonic() + seconds
        numbers = itertools.count()
        killing = asyncio.create_task(self._kill(every_s))
        try:
            await asyncio.gather(*(self._client(numbers, until_s) for _ in range(CLIENTS)))
        finally:
            killing.cancel()
            with suppress(asyncio.CancelledError):
                await killing

    async def _client(self, numbers: Iterator[int], until_s: float) -> None:
        while time.monotonic() < until_s:
            number = next(numbers)
            model = MODELS[number % len(MODELS)]
            started_s = time.monotonic()
            reply = None
            with suppress(TimeoutError):
                async with asyncio.timeout(STUCK_S):
                    reply = await self.ask(number, model, stream=number % 2 == 0)
            self.asked.append(Asked(number, model, started_s, time.monotonic(), reply))

    async def ask(self, number: int, model: str, *, stream: bool = True) -> Reply:
        scene, question = self.about(number)
        return await self.gateway.ask(model, question.text, encode_png(scene), stream=stream, max_tokens=64)

    def about(self, number: int) -> tuple[Scene, Question]:
        """A scene and what is asked of it: the whole caption, which hardly two scenes share."""
        scene = make_scene(f"{self.seed}/{number}", things=3, longest=(96, 256))
        question = ask_about(scene, "caption", scene.random("question"))
        assert question is not None
        return scene, question

    async def _kill(self, every_s: float) -> None:
        rng = random.Random(self.seed)
        while True:
            await asyncio.sleep(every_s)
            victims = processes()
            if not victims:
                continue
            what = rng.choice(sorted(victims))
            victim = rng.choice(victims[what])
            with suppress(psutil.NoSuchProcess):
                engine = victim.children() if what == "warden" else [victim]
                model = self._model_of({process.pid for process in engine})
                victim.kill()
                self.kills.append(Kill(what, model, time.monotonic()))

    def _model_of(self, pids: set[int]) -> str:
        servers = self.gateway.fleet.view().servers
        return next((server.model for server in servers if server.pid in pids), "")


def processes() -> dict[str, list[psutil.Process]]:
    """Every process that this one has started for its gateway, by what it is."""
    found: dict[str, list[psutil.Process]] = {}
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            words = " ".join(child.cmdline())
            if "viewfinder.media.decoder" in words:
                found.setdefault("decoder", []).append(child)
            elif "warden.py" in words:
                found.setdefault("warden", []).append(child)
                found.setdefault("engine", []).extend(child.children())
    return {what: processes for what, processes in found.items() if processes}


@dataclass(frozen=True)
class Record:
    """The table of one run."""

    seconds: int
    kills: dict[str, int]
    requests: int
    answers: int
    """Complete ones."""
    wrong: int
    """Among them those that the model gets wrong undisturbed, too."""
    of_another: int
    """Words that belong to another request."""
    strange: int
    """Words that are neither the truth nor what the model says undisturbed."""
    errors: dict[str, int]
    stuck: int
    replays: int
    restarts: int
    slowest_answer_s: float
    slowest_recovery_s: float
    """From a kill to the next answer of the model that was hit."""
    leases_left: int
    processes_left: int


async def judge(run: Run, seconds: int) -> Record:
    """Compare every word that was said with the truth, and what is not the truth with a calm model's words.

    The fleet must be calm by now.
    """
    truths = {one.number: run.about(one.number)[1].answer for one in run.asked}
    wrong = of_another = strange = 0
    for one in run.asked:
        words = one.reply.words if one.reply else ""
        if _fits(one, truths[one.number]):
            continue
        own = (await run.ask(one.number, one.model)).words
        others = [other.number for other in run.asked if other is not one and one.overlaps(other)]
        if _fits(one, own):
            wrong += 1
        elif any(words == truths[other] for other in others):
            of_another += 1
        else:
            strange += 1
    replies = [one.reply for one in run.asked if one.reply]
    counts = run.gateway.fleet.events.counts
    view = run.gateway.fleet.view()
    return Record(
        seconds=seconds,
        kills=dict(sorted(Counter(kill.what for kill in run.kills).items())),
        requests=len(run.asked),
        answers=sum(reply.complete for reply in replies),
        wrong=wrong,
        of_another=of_another,
        strange=strange,
        errors=dict(sorted(Counter(reply.error for reply in replies if not reply.complete).items())),
        stuck=len(run.asked) - len(replies),
        replays=sum(number for (kind, _), number in counts.items() if kind == "replay"),
        restarts=sum(number for (kind, _), number in counts.items() if kind == "restart"),
        slowest_answer_s=round(max(_times_of_answers(run.asked)), 2),
        slowest_recovery_s=round(max(_recoveries(run)), 2),
        leases_left=sum(server.leases + server.waiting for server in view.servers) + view.waiting,
        processes_left=0,
    )


def _fits(one: Asked, due: str) -> bool:
    """Whether nothing was said but what is due; an answer that was cut by an error may be its beginning."""
    if one.reply is None:
        return True
    return one.reply.words == due if one.reply.complete else due.startswith(one.reply.words)


def _times_of_answers(asked: list[Asked]) -> Iterator[float]:
    return (one.ended_s - one.started_s for one in asked if one.reply and one.reply.complete)


def _recoveries(run: Run) -> Iterator[float]:
    answered = [one for one in run.asked if one.reply and one.reply.complete]
    for kill in run.kills:
        later = [one.ended_s for one in answered if one.ended_s > kill.at_s and kill.model in ("", one.model)]
        if later:
            yield min(later) - kill.at_s
