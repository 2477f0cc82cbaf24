"""The results: the guide's answer, measuring, the runs, and two of them compared; mounted by `app`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.core.errors import ViewfinderError
from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.bench_form import proposed, suites, ticked
from viewfinder.dashboard.guide import GuidePages, reload
from viewfinder.dashboard.render import page
from viewfinder.dashboard.results_data import picture_path
from viewfinder.dashboard.soon import Soon
from viewfinder.fleet.fleet import Fleet
from viewfinder.measure.store.store import StoredModel
from viewfinder.report.changes import BETTER, SAME, WORSE
from viewfinder.report.content import Cell, ComparedRun, Grid, Guide
from viewfinder.report.document import computer

ANSWER_PATIENCE_S = 0.5
RUNS_SHOWN = 30
RUNNING = "running"
"""What a page that watches the bench says when it shows one."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of the list; `at_s` is when it began, by the wall clock."""

    run: str
    suite: str
    started_at: str
    at_s: float
    models: tuple[StoredModel, ...]


@dataclass(frozen=True, slots=True)
class GuideAnswer:
    """The guide, or why there is none: nothing was measured, it is being made, or something else is wrong."""

    guide: Guide | None = None
    is_empty: bool = False
    problem: str = ""


class ResultPages:
    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self.fleet, self.backing = fleet, backing
        self.guides = GuidePages(backing.results)
        self._guide = Soon(backing.results.guide)

    async def all(self, request: Request) -> Response:
        """Everything; `watched` asks for the bench alone, and says what the page shows of it."""
        bench = await self.backing.bench.state()
        watched = request.query_params.get("watched", "")
        if watched and (watched == RUNNING) != bench.is_running:
            return reload()
        runs = () if watched else by_run(await self.backing.results.runs())
        overview = await self.backing.models.overview()
        able = [one for one in overview.models if one.ready]
        return page(
            request,
            "results",
            answer=GuideAnswer() if watched else await self._answer(),
            bench=bench,
            suites=suites(),
            models=able,
            ticked=ticked(able, overview.first),
            proposed=proposed(able, overview.first),
            questions=await self.backing.questions.kept(),
            runs=runs if "all" in request.query_params else runs[:RUNS_SHOWN],
            runs_total=len(runs),
        )

    async def compare(self, request: Request) -> Response:
        """Two runs, `before` and `after`: what became better, worse, or is not clear."""
        before, after = (request.query_params.get(name, "") for name in ("before", "after"))
        lines = {one.run: one for one in by_run(await self.backing.results.runs())}
        return page(
            request,
            "compare",
            before=lines.get(before),
            after=lines.get(after),
            models=[
                (one, beside_figures(one), by_verdict(one.grid))
                for one in await self.backing.results.compare(before, after)
            ],
        )

    async def one(self, request: Request) -> Response:
        """One model of one run."""
        run, model = request.path_params["run"], request.path_params["name"]
        one = await self.backing.results.one(run, model)
        in_words = computer(one.result.machine)
        pictures = {reply.picture: picture_path(one, reply.picture) for reply in one.wrong}
        return page(request, "result", one=one, computer=in_words, pictures=pictures)

    async def _answer(self) -> GuideAnswer:
        try:
            return GuideAnswer(await self._guide.within(ANSWER_PATIENCE_S))
        except ViewfinderError as error:
            if error.reason == "no_results":
                return GuideAnswer(is_empty=True)
            return GuideAnswer(problem=str(error))


def by_run(stored: Sequence[StoredModel]) -> tuple[RunLine, ...]:
    """Each run with its models, in the order given."""
    return tuple(
        RunLine(run, models[0].suite, models[0].started_at, _seconds_of(models[0].started_at), tuple(models))
        for run, group in groupby(stored, key=lambda one: one.run)
        if (models := list(group))
    )


def by_verdict(grid: Grid) -> list[tuple[str, Grid]]:
    """The compared figures under what became of them, those that became worse first."""
    names = {WORSE: "Became worse", BETTER: "Became better", "": "Not clear", SAME: "Surely the same"}
    rows: dict[str, list[tuple[Cell, ...]]] = {verdict: [] for verdict in names}
    for row in grid.rows:
        verdict = row[-1].text
        rows[verdict if verdict in rows else ""].append(row)
    return [
        (names[verdict], grid.model_copy(update={"rows": tuple(some)}))
        for verdict, some in rows.items()
        if some
    ]


def beside_figures(one: ComparedRun) -> list[str]:
    """What became worse and is no figure of the table: a status, a gate, a failure."""
    figures = tuple(f"{row[0].text} " for row in one.grid.rows)
    return [worse for worse in one.regressions if not worse.startswith(figures)]


def _seconds_of(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
