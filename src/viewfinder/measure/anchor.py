"""The anchor: a short workload, the same at the start and at the end of every run; called by `runner`.

It measures the speed of the machine. It is stored as samples of a model that has no result.
"""

import asyncio
from dataclasses import dataclass
from itertools import islice

from viewfinder.catalog.card import ModelCard
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.choice import choose_variant
from viewfinder.measure.compare import machine_speed
from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.forecast import Batch, Work
from viewfinder.measure.pacing import WARM_UP
from viewfinder.measure.prompts import descriptions
from viewfinder.measure.run_context import RunContext
from viewfinder.measure.store import fingerprint
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import ANCHOR, ProcessOutcome
from viewfinder.measure.suite import Suite

_MODEL, _ENGINE = "glimpse", "llama.cpp"
ANCHOR_WARM_UP, ANCHOR_IMAGES = 1, 2
"""Requests to each process: few, because processes differ more than the requests to one."""
WORK = Work(ANCHOR, "", (Batch(ANCHOR_WARM_UP + ANCHOR_IMAGES, "long"),))
"""One of its processes, for the forecast."""
_SETTINGS = EngineSettings()
"""Not the user's, which may change before the next run."""


@dataclass(slots=True)
class Anchor:
    """Times the machine; if that fails, the result says so and the run continues."""

    context: RunContext
    fingerprint: Fingerprint | None = None
    unable: str = ""
    _card: ModelCard | None = None
    """Of the one variant that is timed."""

    async def prepare(self) -> None:
        """Find the engine and take the fingerprint, which must be the one that a resumed run began with."""
        if not self.context.suite.anchor:
            return
        try:
            card = self.context.catalog.get(_MODEL)
            card = card.narrowed([one for one in card.variants if one.engine == _ENGINE])
            variant, _ = choose_variant(card)
            self._card = card.narrowed([variant]).model_copy(update={"name": ANCHOR})
            self.fingerprint = await asyncio.to_thread(self.context.fingerprint, variant, _SETTINGS)
        except ViewfinderError as error:
            self.unable = str(error)
        then = self.context.store.fingerprints(self.context.run.run).get(ANCHOR)
        if then and self.fingerprint and (changed := fingerprint.differences(then, self.fingerprint)):
            self.unable = f"its program or settings changed since the run began ({'; '.join(changed)})"

    @property
    def is_able(self) -> bool:
        """Whether the machine can be timed, as far as is known."""
        return self._card is not None and not self.unable

    async def start(self) -> None:
        """Time the machine as the run begins."""
        await self._take(range(self.context.suite.anchor))

    async def end(self) -> None:
        """Time it as the run ends."""
        processes = self.context.suite.anchor
        await self._take(range(processes, 2 * processes))

    def drift(self) -> tuple[Measured | None, str]:
        """The machine's drift by `machine_speed.during` gives it; None when the suite has no anchor."""
        if not self.context.suite.anchor:
            return None, ""
        if self.unable:
            return Missing(missing=f"the anchor could not be timed: {self.unable}"), ""
        samples = self.context.store.samples(self.context.run.run, ANCHOR)
        return machine_speed.during(samples, self.context.suite.anchor)

    async def _take(self, processes: range) -> None:
        if not processes:
            return
        self.context.steps.begin(
            "this computer", "its own speed", len(processes) * (ANCHOR_WARM_UP + ANCHOR_IMAGES)
        )
        finished = self.context.store.outcomes(self.context.run.run, ANCHOR)
        for process in processes:
            if process in finished or self.unable or self._card is None:
                continue
            self.context.steps.begin_process(WORK)
            try:
                await self._time(process, self._card)
                self.context.steps.end_process()
            except ViewfinderError as error:
                self.unable = str(error)

    async def _time(self, process: int, card: ModelCard) -> None:
        """One fresh process; the samples of one that was cut short do not count."""
        async with self.context.subject(card, card.variant(), _SETTINGS, process) as subject:
            prompts = descriptions(machine_speed.ANCHOR_SCENARIO)
            for prompt in islice(prompts, ANCHOR_WARM_UP):
                await subject.ask(WARM_UP, prompt)
            for prompt in islice(prompts, ANCHOR_IMAGES):
                await subject.ask(machine_speed.ANCHOR_SCENARIO, prompt)
        outcome = ProcessOutcome(starts=subject.starts, engine_version=subject.server.engine_version)
        self.context.store.finish_process(self.context.run.run, ANCHOR, process, outcome)


def steps_of_anchor(suite: Suite) -> int:
    """How many requests the anchor makes in a whole run."""
    return 2 * suite.anchor * (ANCHOR_WARM_UP + ANCHOR_IMAGES)
