"""One model under measurement, from its first server process to its result; called by `runner`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from viewfinder.bench.findings import NO_VISION, Findings
from viewfinder.bench.metrics import Block
from viewfinder.bench.progress import Progress, Steps
from viewfinder.bench.results import ModelResult
from viewfinder.bench.scenarios import gates, latency
from viewfinder.bench.scenarios.load import TRIES, first_answers
from viewfinder.bench.store import Run, Store
from viewfinder.bench.subject import Subject
from viewfinder.bench.suite import Suite
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest, EngineError, ModelFilesError
from viewfinder.core.paths import Folders
from viewfinder.engines.base import Engine
from viewfinder.fleet.choice import choose_variant
from viewfinder.fleet.servers import make_server


@dataclass(frozen=True, slots=True)
class Trial:
    """Measures models one after the other in one run; what a run shares is given here once."""

    run: Run
    suite: Suite
    catalog: Catalog
    settings: Settings
    store: Store
    folders: Folders
    tell: Callable[[Progress], None]

    async def measure(self, card: ModelCard) -> ModelResult:
        """All that the suite asks, of the variant that suits this machine; a failure is part of a result."""
        findings = Findings(card, card.variant(), self.run)
        steps = Steps(card.name, self._steps(), self.tell)
        try:
            findings.variant, engine = choose_variant(card)
            await self._measure(findings, engine, steps)
        except (EngineError, ModelFilesError, BadRequest) as error:
            findings.failure = str(error)
        steps.finish()
        return findings.result(datetime.now(UTC).isoformat(timespec="seconds"))

    async def _measure(self, findings: Findings, engine: Engine, steps: Steps) -> None:
        def fresh(process: int) -> Subject:
            server = make_server(
                findings.card,
                findings.variant,
                engine,
                self.catalog,
                self.settings.engine_of(findings.card.name),
                run_folder=self.folders.run,
                log_folder=self.folders.logs,
            )
            return Subject(
                server,
                process,
                run=self.run.run,
                store=self.store,
                steps=steps,
                timeout_s=self.suite.request_timeout_s,
            )

        # The gates' process comes first: it finds what cannot work, and it brings the files into memory.
        async with fresh(0) as subject:
            findings.engine_version = subject.server.engine_version
            await self._gates(findings, subject, steps)
            findings.restarts += subject.starts - 1
        for process in range(1, self.suite.processes + 1):
            start = "fresh start" if findings.is_ours else "session"
            steps.begin(f"{start} {process} of {self.suite.processes}", self._block_steps())
            async with fresh(process) as subject:
                findings.blocks.append(await self._block(findings, subject))
                findings.restarts += subject.starts - 1

    async def _gates(self, findings: Findings, subject: Subject, steps: Steps) -> None:
        steps.begin("text questions", self.suite.text)
        findings.text = await gates.text(subject, self.suite)
        if not findings.variant.vision:
            findings.vision = findings.follow_up = NO_VISION
            return
        steps.begin("image questions", self.suite.vision)
        findings.vision = await gates.vision(subject, self.suite)
        steps.begin("conversations", self.suite.follow_up * gates.TURNS)
        findings.follow_up = await gates.follow_up(subject, self.suite)

    async def _block(self, findings: Findings, subject: Subject) -> Block:
        load = await first_answers(subject)
        subject.sample("first_answer")
        await latency.warm_up(subject)
        with findings.disturbance.watch(subject.server.pids):
            images = await latency.image_requests(subject, self.suite) if findings.variant.vision else []
            texts = await latency.text_requests(subject, self.suite)
        subject.sample("steady")
        return Block(load, images, texts, subject.memory)

    def _steps(self) -> int:
        suite = self.suite
        questions = suite.text + suite.vision + suite.follow_up * gates.TURNS
        return questions + suite.processes * self._block_steps()

    def _block_steps(self) -> int:
        return TRIES + latency.WARM_UP_TEXTS + latency.WARM_UP_IMAGES + self.suite.images + self.suite.texts
