"""One model under measurement: all of its server processes, and its result; called by `runner`."""

import asyncio
import logging
import statistics
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.core.errors import BadRequest, EngineDied, EngineError, EngineStalled, ModelFilesError
from viewfinder.fleet.choice import choose_variant
from viewfinder.measure import repetition, results
from viewfinder.measure.deadline import TimeIsUp
from viewfinder.measure.figures import Measured
from viewfinder.measure.forecast import Work
from viewfinder.measure.measures.base import ProcessValues
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.plan import PlannedProcess
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.repetition import TimedProcess
from viewfinder.measure.result_builder import ResultBuilder
from viewfinder.measure.results import ModelResult
from viewfinder.measure.run_context import RunContext
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Session:
    """Measures one card's variant; a failure ends the session, and is part of its result."""

    card: ModelCard
    context: RunContext
    builder: ResultBuilder = field(init=False)
    fingerprint: Fingerprint | None = None
    result: ModelResult | None = None
    """None until the session has ended."""
    _timed: dict[int, TimedProcess] = field(default_factory=dict)
    _finished: frozenset[int] = frozenset()
    """The numbers of the processes that were measured before an interruption."""

    def __post_init__(self) -> None:
        self.builder = ResultBuilder(self.card, self.card.variant(), self.context.run, self.context.suite)

    async def prepare(self) -> None:
        """Choose the variant for this machine and take its fingerprint, which hashes every file that is new.
        A resumed run may have its result already."""
        try:
            variant, _ = choose_variant(self.card)
            self.builder.variant, settings = variant, self.context.settings.engine_of(self.card.name)
            self.fingerprint = await asyncio.to_thread(self.context.fingerprint, variant, settings)
            self.builder.failure = self.builder.nothing_to_ask()
        except (EngineError, ModelFilesError, BadRequest) as error:
            self.builder.failure = str(error)
        store, run, steps = self.context.store, self.context.run.run, self.context.steps
        known = results.readable(store.results_of(run))
        self.result = next((one for one in known if one.model == self.card.name), None)
        finished = store.outcomes(run, self.card.name)
        self._finished = frozenset(finished)
        steps.earlier(sum(one.spent_s for one in finished.values()))
        if self.result is not None:
            steps.so_far(self.card.name, doing="done", failure=self.result.failure)

    @property
    def disturbed(self) -> list[int]:
        """The numbers of the processes whose times were disturbed; empty when the session has ended."""
        return [] if self.result is not None else repetition.disturbed(self._timed)

    @property
    def is_able(self) -> bool:
        """Whether more can be measured."""
        return self.result is None and not self.builder.failure

    @property
    def measured(self) -> set[int]:
        """The numbers of the processes that were measured, without those that are never repeated."""
        return set(self._timed)

    def to_do(self, planned: Iterable[PlannedProcess]) -> list[Work]:
        """What will be done in those of the processes that are still to be measured."""
        if not self.is_able:
            return []
        done = self._finished | set(self._timed)
        mine = [one for one in planned if one.model == self.card.name and one.number not in done]
        skipped = {name for name in {one.measure for one in mine} if name and self._is_skipped(name)}
        return [self.work(one) for one in mine if one.measure not in skipped]

    def work(self, planned: PlannedProcess) -> Work:
        """The requests of a process."""
        suite, asking = self.context.suite, [planned.measure] if planned.measure else []
        names = asking or [one.name for one in suite.shared() if not self._is_skipped(one.name)]
        batches = [
            batch
            for name in names
            for batch in measures()[name].likely(suite.counts[name], planned.nth if planned.measure else 0)
            if self.builder.variant.vision or batch.kind == "text"
        ]
        return Work(self.card.name, planned.measure, tuple(batches))

    def _is_skipped(self, measure: str) -> bool:
        return self.builder.skip_reason(measures()[measure]) is not None

    async def take(self, planned: PlannedProcess) -> None:
        """Measure one server process, unless it was measured before an interruption or the session has
        ended."""
        if self.result is not None:
            return
        if not self.builder.failure:
            try:
                await self._take(planned)
            except (EngineError, ModelFilesError, BadRequest) as error:
                self.builder.failure = str(error)
                self.context.steps.so_far(self.card.name, failure=str(error))
            except TimeIsUp:
                if not _is_resumable(planned):
                    self.context.store.set_aside(self.context.run.run, self.card.name, planned.number)
                raise
            finally:
                self.context.steps.break_off()
        if self.builder.failure:
            self.conclude()

    def samples_before(self, number: int) -> list[Sample]:
        """The samples of the processes with lower numbers."""
        stored = self.context.store.samples(self.context.run.run, self.card.name)
        return [one for one in stored if one.process < number]

    def conclude(self, machine: Measured | None = None, drift: str = "") -> None:
        """Store the result, once; `machine` is the change of the machine's own speed during the run, `drift`
        says that it is too large."""
        if self.result is not None:
            return
        self.builder.machine_drift, self.builder.drift = machine, drift
        counted = repetition.count(self._timed)
        for number in counted.numbers:
            self.builder.add(self._timed[number].log)
        self.builder.notes += counted.notes
        now = datetime.now(UTC).isoformat(timespec="seconds")
        digest = self.fingerprint.digest if self.fingerprint else ""
        is_over = not self.context.deadline.left_s
        self.result = self.builder.result(now, digest, time_is_over=is_over)
        self._write_files(self.result)
        results.add(self.context.store, self.result, counted.set_aside)

    def _write_files(self, result: ModelResult) -> None:
        """Called before the result, which names the files, is stored; an error of the disk only logs a
        warning."""
        try:
            for name, found in result.found.items():
                measure = measures()[name]
                if isinstance(found, measure.result):
                    for path, content in measure.files(found, result).items():
                        file = self.context.folders.state / path
                        file.parent.mkdir(parents=True, exist_ok=True)
                        file.write_bytes(content)
        except OSError as error:
            _log.warning("The reproducers for '%s' could not be written: %s", result.model, error)

    async def _take(self, planned: PlannedProcess) -> None:
        if planned.measure and self.builder.skip_reason(measures()[planned.measure]):
            return
        run, store, deadline = self.context.run.run, self.context.store, self.context.deadline
        if finished := store.outcomes(run, self.card.name).get(planned.number):
            deadline.spend(finished.spent_s)
            self.context.steps.forecast.process(self.work(planned), finished.spent_s)
            self._keep(planned, finished)
            return
        deadline.require()
        begun_s = deadline.clock()
        self.context.steps.begin_process(self.work(planned), is_graded=_is_required(planned))
        await self._check_files()
        async with self._fresh(planned) as subject:
            self.builder.engine_version = subject.server.engine_version
            broke_off = await (self._ask_alone if planned.measure else self._ask_shared)(subject, planned)
        outcome = ProcessOutcome(
            starts=subject.starts,
            engine_version=self.builder.engine_version,
            memory=subject.memory,
            foreign_s=subject.disturbance.foreign_s,
            available_s=subject.disturbance.available_s,
            series=subject.noted,
            pictures=subject.pictures,
            broke_off=broke_off,
            spent_s=deadline.clock() - begun_s,
        )
        store.finish_process(run, self.card.name, planned.number, outcome)
        self.context.steps.end_process()
        self._keep(planned, outcome)

    async def _ask_alone(self, subject: Subject, planned: PlannedProcess) -> str:
        """Let one measure ask the process; if the engine dies or stalls, that is part of the measurement.

        Returns why it broke off, or nothing.
        """
        measure, suite = measures()[planned.measure], self.context.suite
        if not measure.has_phases:
            subject.begin(measure.name, steps_of(suite, planned))
        try:
            with subject.watched() if measure.timed else nullcontext():
                subject.note(await measure.ask(subject, suite.counts[measure.name], planned.nth))
        except (EngineDied, EngineStalled) as error:
            if measure.required:
                self._keep(planned, ProcessOutcome(series=subject.noted, broke_off=str(error)))
                raise
            return str(error)
        return ""

    async def _ask_shared(self, subject: Subject, planned: PlannedProcess) -> str:
        """Let the timed measures ask the process in turn."""
        suite = self.context.suite
        subject.begin(_doing(suite, planned, self.builder.variant), steps_of(suite, planned))
        for measure in suite.shared():
            if not self.builder.skip_reason(measure):
                subject.note(await measure.ask(subject, suite.counts[measure.name], 0))
        return ""

    def _keep(self, planned: PlannedProcess, outcome: ProcessOutcome) -> None:
        samples = self.context.store.samples(self.context.run.run, self.card.name, planned.number)
        log = ProcessLog(planned.number, samples, outcome, planned.measure, planned.nth, planned.repeats)
        if _is_required(planned):  # never measured again
            self.builder.add(log)
            graded = [one.right for one in samples if one.right is not None]
            self.context.steps.so_far(self.card.name, right=sum(graded), graded=len(graded))
            return
        asking = [measures()[log.measure]] if log.measure else self.context.suite.shared()
        disturbed = next(filter(None, (one.disturbed(log) for one in asking if one.timed)), "")
        self._timed[planned.number] = TimedProcess(log, disturbed)
        self.context.steps.so_far(
            self.card.name, answer_s=self._typical(INFERENCE), load_s=self._typical(LOAD_TIME)
        )

    def _typical(self, figure: str) -> float | None:
        """The median over the timed processes so far, each read as the comparisons read it."""
        logs = [one.log for one in self._timed.values() if not one.log.measure]
        readers = [one.samples.get(figure) for one in self.context.suite.shared()]
        values = [
            value
            for reader in readers
            if isinstance(reader, ProcessValues)
            for value in reader.read(logs).values()
        ]
        return statistics.median(values) if values else None

    def _fresh(self, planned: PlannedProcess) -> Subject:
        variant, settings = self.builder.variant, self.context.settings.engine_of(self.card.name)
        if planned.measure:
            settings = measures()[planned.measure].engine_settings(settings, variant, planned.nth)
        return self.context.subject(
            self.card,
            variant,
            settings,
            planned.number,
            resumable=_is_resumable(planned),
            deadline=self.context.deadline,
        )

    async def _check_files(self) -> None:
        """Raise ModelFilesError when the files have another hash than in the fingerprint."""
        now = await asyncio.to_thread(self.context.hash_of_files, self.builder.variant)
        if self.fingerprint is not None and now != self.fingerprint.files:
            raise ModelFilesError(
                f"The files of '{self.card.name}' changed while it was measured.",
                hint="What was measured before is kept. Measure it again when the files no longer change.",
                code="model_changed",
            )


def steps_of(suite: Suite, planned: PlannedProcess) -> int:
    """The highest number of requests to a process."""
    if planned.measure:
        return int(measures()[planned.measure].steps(suite.counts[planned.measure], planned.nth))
    return sum(measure.steps(suite.counts[measure.name], 0) for measure in suite.shared())


def _is_required(planned: PlannedProcess) -> bool:
    return bool(planned.measure) and measures()[planned.measure].required


def _is_resumable(planned: PlannedProcess) -> bool:
    """Whether the samples of an interrupted process count: those of a timed one do not."""
    return bool(planned.measure) and measures()[planned.measure].resumable


def _doing(suite: Suite, planned: PlannedProcess, variant: Variant) -> str:
    """The phase as the display shows it: `process 3 of 7`."""
    what = "process" if variant.server is None else "session"
    number = planned.repeats or planned.number
    doing = f"{what} {number} of {suite.processes}" if number <= suite.processes else f"one more {what}"
    return f"{doing} once more" if planned.repeats else doing
