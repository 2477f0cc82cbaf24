"""Eight clients send requests about unique scenes to a real fleet while its processes are killed or frozen.

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
from viewfinder.core.config import FleetSettings, LocalModel, Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.questions import Question, ask_about
from viewfinder.scenes.scene import Scene, make_scene

MODELS = ("one", "two", "three")
CLIENTS = 8
FROZEN = 0.3
"""The share of victims that get SIGSTOP in place of SIGKILL."""
STUCK_S = 60.0
"""A request that takes longer never ends."""


def catalog_and_settings() -> tuple[Catalog, Settings]:
    """glimpse under three names, so that there are three engines.

    The restart rule is relaxed for the killer: each kill counts by itself, and no model is given up.
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
class Sent:
    """One request about a scene of its own, and its reply, None when there was none."""

    number: int
    model: str
    started_s: float
    ended_s: float
    reply: Reply | None

    def overlaps(self, other: "Sent") -> bool:
        return self.started_s < other.ended_s and other.started_s < self.ended_s


@dataclass(frozen=True)
class Kill:
    """One kill, of a model's engine or warden, or of a decoder; what is "frozen" was only stopped."""

    what: str
    model: str
    at_s: float


@dataclass
class Run:
    """The requests and kills of one run."""

    gateway: Gateway
    seed: str
    sent: list[Sent] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)

    async def go(self, seconds: float, every_s: float) -> None:
        """Send requests for this time, killing a process `every_s`; then wait for the replies."""
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
            self.sent.append(Sent(number, model, started_s, time.monotonic(), reply))

    async def ask(self, number: int, model: str, *, stream: bool = True) -> Reply:
        scene, question = self.about(number)
        return await self.gateway.ask(model, question.text, encode_png(scene), stream=stream, max_tokens=64)

    def about(self, number: int) -> tuple[Scene, Question]:
        """A scene and its question, which asks for the caption: hardly two scenes share it."""
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
                if rng.random() < FROZEN:
                    what = f"{what}, frozen"
                    victim.suspend()
                else:
                    victim.kill()
                self.kills.append(Kill(what, model, time.monotonic()))

    def _model_of(self, pids: set[int]) -> str:
        servers = self.gateway.fleet.view().servers
        return next((server.model for server in servers if server.pid in pids), "")


def processes() -> dict[str, list[psutil.Process]]:
    """The processes that were started for the gateway, by kind."""
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
    """Wrong ones that the undisturbed model gets wrong as well."""
    of_another: int
    """Answers that belong to another request."""
    strange: int
    """Answers that are neither right nor those of the undisturbed model."""
    errors: dict[str, int]
    stuck: int
    replays: int
    restarts: int
    slowest_answer_s: float
    slowest_recovery_s: float
    """From a kill to the next answer of the same model."""
    leases_left: int
    processes_left: int


async def judge(run: Run, seconds: int) -> Record:
    """Compare every answer with the right one, and wrong ones with those of the undisturbed model.

    Nothing may be killed any more.
    """
    truths = {one.number: run.about(one.number)[1].answer for one in run.sent}
    wrong = of_another = strange = 0
    for one in run.sent:
        words = one.reply.words if one.reply else ""
        if _fits(one, truths[one.number]):
            continue
        own = (await run.ask(one.number, one.model)).words
        others = [other.number for other in run.sent if other is not one and one.overlaps(other)]
        if _fits(one, own):
            wrong += 1
        elif any(words == truths[other] for other in others):
            of_another += 1
        else:
            strange += 1
    replies = [one.reply for one in run.sent if one.reply]
    counts = run.gateway.fleet.events.counts
    view = run.gateway.fleet.view()
    return Record(
        seconds=seconds,
        kills=dict(sorted(Counter(kill.what for kill in run.kills).items())),
        requests=len(run.sent),
        answers=sum(reply.complete for reply in replies),
        wrong=wrong,
        of_another=of_another,
        strange=strange,
        errors=dict(sorted(Counter(reply.error for reply in replies if not reply.complete).items())),
        stuck=len(run.sent) - len(replies),
        replays=sum(number for (kind, _), number in counts.items() if kind == "replay"),
        restarts=sum(number for (kind, _), number in counts.items() if kind == "restart"),
        slowest_answer_s=round(max(_times_of_answers(run.sent)), 2),
        slowest_recovery_s=round(max(_recoveries(run)), 2),
        leases_left=sum(server.leases + server.waiting for server in view.servers) + view.waiting,
        processes_left=0,
    )


def _fits(one: Sent, right: str) -> bool:
    """Whether the answer is right; one that was cut by an error may be the beginning of it."""
    if one.reply is None:
        return True
    return one.reply.words == right if one.reply.complete else right.startswith(one.reply.words)


def _times_of_answers(sent: list[Sent]) -> Iterator[float]:
    return (one.ended_s - one.started_s for one in sent if one.reply and one.reply.complete)


def _recoveries(run: Run) -> Iterator[float]:
    answered = [one for one in run.sent if one.reply and one.reply.complete]
    for kill in run.kills:
        later = [one.ended_s for one in answered if one.ended_s > kill.at_s and kill.model in ("", one.model)]
        if later:
            yield min(later) - kill.at_s
