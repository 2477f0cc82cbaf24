"""One model under measurement, over all of its server processes to its result; called by `runner`."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest, EngineDied, EngineError, EngineStalled, ModelFilesError
from viewfinder.core.paths import Folders
from viewfinder.engines.base import Engine
from viewfinder.fleet.choice import choose_variant
from viewfinder.fleet.process.servers import make_server
from viewfinder.host.power import read_power
from viewfinder.measure import repetition
from viewfinder.measure.concluding import NO_VISION, Findings, time_was_over
from viewfinder.measure.deadline import Deadline, TimeIsUp
from viewfinder.measure.disturbance import Disturbance
from viewfinder.measure.figures import Measured
from viewfinder.measure.measures.base import SetsEngine
from viewfinder.measure.measures.gates import ask as gates
from viewfinder.measure.measures.latency import ask as latency
from viewfinder.measure.measures.load.ask import TRIES, first_answers
from viewfinder.measure.measures.registry import STAGES
from viewfinder.measure.measures.stability import reproducer
from viewfinder.measure.plan import GATES, Turn
from viewfinder.measure.progress import Steps
from viewfinder.measure.repetition import Restart
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store import fingerprint
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.outcome import Found
from viewfinder.measure.store.rows import Asked, Run
from viewfinder.measure.store.store import Store
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite

_log = logging.getLogger(__name__)

CELLS = tuple(latency.CELLS)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the trials of a run share."""

    run: Run
    suite: Suite
    catalog: Catalog
    settings: Settings
    store: Store
    folders: Folders
    steps: Steps
    hashes: Hashes
    deadline: Deadline


@dataclass(slots=True)
class Trial:
    """Measures one card's variant; a failure ends it, and is part of its result."""

    card: ModelCard
    under: Conditions
    findings: Findings = field(init=False)
    fingerprint: Fingerprint | None = None
    result: ModelResult | None = None
    """What it came to; until then, None."""
    _engine: Engine | None = None
    _finished: Mapping[int, Found] = field(default_factory=dict)
    _taken: dict[int, Restart] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.findings = Findings(self.card, self.card.variant(), self.under.run)

    async def prepare(self) -> None:
        """Choose what suits this machine and take its fingerprint: reads every file that is new."""
        try:
            self.findings.variant, self._engine = choose_variant(self.card)
            self.fingerprint = await asyncio.to_thread(self._fingerprint, self._engine)
        except (EngineError, ModelFilesError, BadRequest) as error:
            self.findings.failure = str(error)

    def recall(self) -> None:
        """Take up what the store has of this run, after an interruption."""
        run, store = self.under.run.run, self.under.store
        self.result = next((one for one in store.results_of(run) if one.model == self.card.name), None)
        self._finished = store.found(run, self.card.name)

    @property
    def disturbed(self) -> list[int]:
        """The blocks whose times were disturbed; none when the trial has ended."""
        return [] if self.result is not None else repetition.disturbed(self._taken)

    async def take(self, turn: Turn) -> None:
        """Measure one server process, unless that was done before an interruption or the trial has ended."""
        if self.result is not None:
            return
        if not self.findings.failure:
            try:
                await self._take(turn)
            except (EngineError, ModelFilesError, BadRequest) as error:
                self.findings.failure = str(error)
            except TimeIsUp:
                if (
                    turn.cells or turn.stage
                ):  # half of it stands for nothing; a known answer stands for itself
                    self.under.store.set_aside(self.under.run.run, self.card.name, turn.block)
                raise
        if self.findings.failure:
            self.conclude()

    @property
    def is_able(self) -> bool:
        """Whether there is something to measure yet."""
        return self.result is None and not self.findings.failure

    def asked_before(self, block: int) -> list[Asked]:
        """What the processes with lower numbers were asked."""
        stored = self.under.store.exchanges(self.under.run.run, self.card.name)
        return [one for one in stored if one.process < block]

    def conclude(self, machine: Measured | None = None, drift: str = "") -> None:
        """Store the result, once; `machine` is how its own speed changed during the run, `drift` if much."""
        if self.result is None:
            self.findings.machine_drift, self.findings.drift = machine, drift
            count = repetition.count(self._taken)
            for number in count.counted:
                self.findings.add(self._taken[number])
            self.findings.notes += count.notes
            digest = self.fingerprint.digest if self.fingerprint else ""
            now = datetime.now(UTC).isoformat(timespec="seconds")
            result = self.findings.result(self.under.suite, now, digest)
            self.result = result if self.under.deadline.left_s else time_was_over(result)
            self._write_reproducers(self.result)
            self.under.store.add_result(self.result, count.set_aside)

    def _write_reproducers(self, result: ModelResult) -> None:
        """Before the result that names them; a disk that does not take them costs no result."""
        try:
            reproducer.write(result, self.under.folders.state)
        except OSError as error:
            _log.warning("What shows the troubles of '%s' could not be written: %s", result.model, error)

    async def _take(self, turn: Turn) -> None:
        if turn.stage and self.findings.spared(turn.stage):
            return
        if turn.block in self._finished:
            self.under.deadline.spend(self._finished[turn.block].spent_s)
            self._keep(turn, self._finished[turn.block], self._stored(turn))
            return
        self.under.deadline.require()
        begun_s = self.under.deadline.clock()
        await self._check_files()
        run, store = self.under.run.run, self.under.store
        goes_on = _goes_on(turn)
        earlier = self._stored(turn) if goes_on else []
        set_aside = store.begin_turn(
            run,
            self.card.name,
            turn.block,
            datetime.now(UTC).isoformat(timespec="seconds"),
            await asyncio.to_thread(read_power),
            goes_on=goes_on,
        )
        async with self._fresh(turn, earlier, set_aside) as subject:
            self.findings.engine_version = subject.server.engine_version
            found = await self._measure(subject, turn)
        found = found.model_copy(
            update={
                "starts": subject.starts,
                "engine_version": self.findings.engine_version,
                "memory": dict(subject.memory),
                "spent_s": self.under.deadline.clock() - begun_s,
            }
        )
        store.finish_turn(run, self.card.name, turn.block, found)
        self._keep(turn, found, self._stored(turn))

    async def _measure(self, subject: Subject, turn: Turn) -> Found:
        if turn.stage:
            return await self._stage(subject, turn)
        if turn.questions:
            return await self._more_questions(subject, turn)
        return await (self._gates(subject) if turn.block == GATES else self._block(subject, turn))

    def _keep(self, turn: Turn, found: Found, asked: list[Asked]) -> None:
        if turn.questions:
            self.findings.add_questions(found)
        elif turn.block == GATES:
            self.findings.add_gates(found)
        else:
            self._taken[turn.block] = Restart(found, asked, turn.again, turn.stage, turn.part)

    def _stored(self, turn: Turn) -> list[Asked]:
        return self.under.store.exchanges(self.under.run.run, self.card.name, turn.block)

    def _fresh(self, turn: Turn, answered: list[Asked], set_aside: int) -> Subject:
        under = self.under
        if self._engine is None:
            raise RuntimeError("a trial is prepared before its first turn")
        settings, stage = under.settings.engine_of(self.card.name), STAGES.get(turn.stage)
        if isinstance(stage, SetsEngine):
            settings = stage.settings(settings, self.findings.variant, turn.part)
        server = make_server(
            self.card,
            self.findings.variant,
            self._engine,
            under.catalog,
            settings,
            run_folder=under.folders.run,
            log_folder=under.folders.logs,
        )
        return Subject(
            server,
            turn.block,
            run=under.run.run,
            store=under.store,
            steps=under.steps,
            timeout_s=under.suite.request_timeout_s,
            answered=answered,
            set_aside=set_aside,
            files=self._files(),
            limits=under.settings.limits,
            deadline=under.deadline,
        )

    async def _stage(self, subject: Subject, turn: Turn) -> Found:
        """Give the process to a stage; that the engine does not survive it is what was found."""
        stage, suite = STAGES[turn.stage], self.under.suite
        self.under.steps.begin(self.card.name, stage.name, stage.steps(suite, turn.part))
        disturbance = Disturbance()
        with disturbance.watch(subject.server.pids) if stage.is_timed else nullcontext():
            try:
                series, broke_off = await stage.asks(subject, suite, turn.part), ""
            except (EngineDied, EngineStalled) as error:
                series, broke_off = {}, str(error)
        foreign_s, available_s = disturbance.seconds
        noted = {name: tuple(values) for name, values in {**subject.noted, **series}.items()}
        return Found(series=noted, broke_off=broke_off, foreign_s=foreign_s, available_s=available_s)

    async def _gates(self, subject: Subject) -> Found:
        suite, steps, name = self.under.suite, self.under.steps, self.card.name
        steps.begin(name, "text questions", suite.text)
        text = await gates.text(subject, suite)
        self.findings.text = text
        if not self.findings.variant.vision:
            return Found(text=text, vision=NO_VISION, follow_up=NO_VISION)
        steps.begin(name, "image questions", suite.vision)
        vision = await gates.vision(subject, suite)
        self.findings.vision = vision
        steps.begin(name, "conversations", suite.follow_up * gates.TURNS)
        return Found(text=text, vision=vision, follow_up=await gates.follow_up(subject, suite))

    async def _more_questions(self, subject: Subject, turn: Turn) -> Found:
        self.under.steps.begin(self.card.name, "more image questions", self.under.suite.vision)
        await gates.more_vision(subject, self.under.suite, turn.questions)
        return Found()

    async def _block(self, subject: Subject, turn: Turn) -> Found:
        suite = self.under.suite
        start = "fresh start" if self.findings.is_ours else "session"
        number = turn.again or turn.block
        doing = f"{start} {number} of {suite.processes}" if number <= suite.processes else f"one more {start}"
        doing += " once more" if turn.again else ""
        self.under.steps.begin(self.card.name, doing, steps_of(suite, turn))
        load = await first_answers(subject)
        subject.sample("first_answer")
        await latency.warm_up(subject)
        subject.look_for_peak()
        disturbance = Disturbance()
        with disturbance.watch(subject.server.pids):
            for cell in turn.cells:
                await self._cell(cell, subject)
        subject.sample("steady")
        subject.sample("peak")
        foreign_s, available_s = disturbance.seconds
        return Found(load=load, foreign_s=foreign_s, available_s=available_s)

    async def _cell(self, cell: str, subject: Subject) -> None:
        if self.findings.variant.vision or cell not in latency.OF_IMAGES:
            await latency.CELLS[cell](subject, self.under.suite)

    def _files(self) -> list[Path]:
        if self.findings.variant.server is not None:
            return []
        files = self.under.catalog.resolve(self.findings.variant)
        return [file for file in (files.model, files.mmproj) if file is not None]

    def _fingerprint(self, engine: Engine) -> Fingerprint:
        variant, under = self.findings.variant, self.under
        files, settings = under.catalog.resolve(variant), under.settings.engine_of(self.card.name)
        return fingerprint.take(
            variant,
            engine,
            fingerprint.engine_version(engine, variant, files, settings),
            "" if variant.server is not None else under.hashes.of(variant, files),
            settings,
            under.run.machine,
            read_power(),
        )

    async def _check_files(self) -> None:
        """Raise ModelFilesError when the files are no longer those whose hash was taken."""
        if self.fingerprint is None or self.findings.variant.server is not None:
            return
        variant = self.findings.variant
        files = self.under.catalog.resolve(variant)
        if await asyncio.to_thread(self.under.hashes.of, variant, files) != self.fingerprint.files:
            raise ModelFilesError(
                f"The files of '{self.card.name}' changed while it was measured.",
                hint="What was measured before is kept; measure it again when they stay as they are.",
                code="model_changed",
            )


def steps_of(suite: Suite, turn: Turn) -> int:
    """How many requests a turn makes at most."""
    if turn.stage:
        return STAGES[turn.stage].steps(suite, turn.part)
    if turn.questions:
        return suite.vision
    if turn.block == GATES:
        return suite.text + suite.vision + suite.follow_up * gates.TURNS
    warm_up = latency.WARM_UP_TEXTS + latency.WARM_UP_IMAGES + bool(suite.repeats)
    return TRIES + warm_up + suite.images + suite.texts + suite.short + suite.repeats


def _goes_on(turn: Turn) -> bool:
    """Known answers can be asked of any process; what was timed of one that is gone is void."""
    return turn.block == GATES or turn.questions > 0 or bool(turn.stage and STAGES[turn.stage].goes_on)
