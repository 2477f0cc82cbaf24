"""Measuring for the web page: one `viewfinder bench` at a time; implements `backing.Benches`.

The run is a process of its own with server processes of its own: it measures no model that is loaded here,
and what this process does beside it shows in its timings as what any other program does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from viewfinder.api.backing.beside import beside
from viewfinder.api.backing.own_command import Ending, Failing, OwnCommand
from viewfinder.api.backing.own_questions import QuestionFolder
from viewfinder.api.backing.pulls import PullQueue, require_of_catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import AlreadyRunning, BadRequest, ViewfinderError
from viewfinder.dashboard.backing import BenchLine, BenchOrder
from viewfinder.fleet.fleet import Fleet
from viewfinder.measure.deadline import seconds
from viewfinder.measure.progress import SoFar
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import suite_named

GRACE_S, CLOSING_S = 60.0, 15.0
"""How long a run may take to store what it has and to stop its engine: when it is stopped, and when `serve`
itself stops."""
CODE = "bench_running"
RESUME = "Continue it: viewfinder bench --resume"


class OneBench:
    """The bench of this process; `measured` is called after each that ended."""

    def __init__(
        self,
        fleet: Fleet,
        settings: Callable[[], Settings],
        pulls: PullQueue,
        questions: QuestionFolder,
        measured: Callable[[], Awaitable[None]],
    ) -> None:
        self._fleet, self._settings, self._measured = fleet, settings, measured
        self._pulls, self._questions = pulls, questions
        self._line = BenchLine()
        self._command: OwnCommand | None = None
        self._following: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def state(self) -> BenchLine:
        elsewhere, to_resume = "", ""
        if not self._line.is_running:
            elsewhere, to_resume = await asyncio.to_thread(_other_runs)
        near = beside(self._fleet.view(), self._pulls.all())
        return replace(self._line, elsewhere=elsewhere, to_resume=to_resume, beside=near)

    async def start(self, order: BenchOrder) -> BenchLine:
        async with self._starting:
            self._require_none(await self.state())
            words = await self._words(order)
            self._line = BenchLine("running", order, doing="starting", started_at=_now())
            try:
                self._command = await OwnCommand.start(words, self._heard)
            except ViewfinderError as error:
                self._end(Failing(error.message, error.hint, error.reason))
                raise
            self._following = asyncio.create_task(self._follow(self._command))
        return await self.state()

    async def stop(self) -> BenchLine:
        await self._stop(GRACE_S)
        return await self.state()

    async def close(self) -> None:
        """Stop the run in progress; what was measured is kept, and can be resumed."""
        if self._line.is_running:
            await self._stop(CLOSING_S)

    async def _stop(self, grace_s: float) -> None:
        if self._command is None or self._following is None or not self._line.is_running:
            raise BadRequest(
                "No bench that was started here runs.",
                hint="GET /fleet/bench says what became of the last one.",
                code="no_bench",
            )
        self._line = replace(self._line, status="stopping")
        await self._command.stop(grace_s)
        await asyncio.wait([self._following])

    def _require_none(self, now: BenchLine) -> None:
        if now.is_running:
            what = ", ".join(now.order.models) or "all models that run here"
            raise AlreadyRunning(
                f"A bench runs already ({what}).",
                hint="Wait for it, or stop it first: DELETE /fleet/bench. What was measured is kept.",
                code=CODE,
            )
        if now.elsewhere:
            raise AlreadyRunning(
                f"Another process is measuring the run {now.elsewhere}, and two at a time would disturb each "
                "other.",
                hint="Wait until it has finished.",
                code=CODE,
            )

    async def _words(self, order: BenchOrder) -> list[str]:
        """What is typed for it. Raises UnknownModel, BadRequest."""
        words = ["bench", "--progress", "json"]
        if order.resume:
            if order != BenchOrder(resume=True):
                raise BadRequest(
                    "A run is resumed with the models and the suite that it began with.",
                    hint="Leave out everything but resume.",
                    param="resume",
                )
            return [*words, "--resume"]
        suite_named(order.suite)
        words += ["--suite", order.suite]
        if order.own_questions or order.only:
            words += ["--vqa", await self._folder(), *(["--only"] if order.only else [])]
        if order.budget is not None:
            seconds(order.budget)
            words += ["--budget", order.budget]
        catalog = self._fleet.catalog
        for model in order.models:
            require_of_catalog(catalog, model, "viewfinder bench")
        for model, variant in self._settings().variants.items():  # also those that only `serve` was told
            words += [f"--variant={model}={variant}"]
        return [*words, "--", *order.models]

    async def _folder(self) -> str:
        kept = await self._questions.kept()
        if not kept.questions:
            raise BadRequest(
                "There are no questions of your own yet.",
                hint="Rate an answer in the playground, or use a folder: viewfinder bench --vqa FOLDER",
                param="own_questions",
                code="no_questions",
            )
        return await self._questions.snapshot()

    def _heard(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "progress":
            names = ("run", "model", "doing", "share", "left_s", "spent_s")
            so_far = tuple(SoFar(**one) for one in fields["models"])
            self._line = replace(self._line, so_far=so_far, **{name: fields[name] for name in names})
        elif kind == "stopped":
            self._line = replace(self._line, said=fields["said"])
        elif kind == "results":
            each = [f"{one['model']}: {one['status']}" for one in fields["models"]]
            self._line = replace(self._line, said="; ".join(each))

    async def _follow(self, command: OwnCommand) -> None:
        end = await command.wait()
        self._end(_failing(end, self._line), stopped=end.exit.stopped)
        await self._measured()

    def _end(self, failing: Failing | None, *, stopped: bool = False) -> None:
        now = self._line
        common: dict[str, Any] = {"ended_at": _now(), "left_s": None, "model": "", "doing": ""}
        if stopped:
            said = now.said or "Stopped before anything was measured: nothing is stored."
            self._line = replace(now, status="stopped", said=said, hint=RESUME if now.run else "", **common)
        elif failing is not None:
            self._line = replace(now, status="failed", said=failing.message, hint=failing.hint, **common)
        else:
            self._line = replace(now, status="done", share=1.0, **common)


def _failing(end: Ending, line: BenchLine) -> Failing | None:
    """Why it ended without its results; that some of them are bad is no failure of the run."""
    if line.said and end.exit.code in (0, 1):
        return None
    if end.failing is None or end.failing.code:
        return end.failing
    return replace(end.failing, hint=RESUME) if line.run else end.failing


def _other_runs() -> tuple[str, str]:
    """The run that another process measures now, and the newest that can be resumed; empty: there is none."""
    from viewfinder.measure.runner import in_progress, interrupted

    elsewhere = next(iter(in_progress(paths.home())), "")
    if not paths.results_file().is_file():
        return elsewhere, ""
    try:
        with Store(paths.results_file(), for_reading=True) as store:
            return elsewhere, interrupted(store, paths.home()).run
    except ViewfinderError:
        return elsewhere, ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
