"""What the pages and their data need of the rest of Viewfinder; `api` implements it and hands it over.

Every call may come from the gateway's event loop: what reads files runs in a thread, and what takes long (a
download, a bench, the guide) in a process of its own. Every call may raise ViewfinderError.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from viewfinder.fleet.listing import FirstChoice, ModelDetails, ModelLine, VariantLine
from viewfinder.measure.progress import SoFar
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import StoredModel
from viewfinder.report.content import ComparedRun, Guide, ModelSection

PullStatus = Literal["queued", "preparing", "downloading", "done", "failed", "cancelled"]
BenchStatus = Literal["none", "running", "stopping", "done", "failed", "stopped"]
OVER = ("done", "failed", "cancelled")
"""The statuses of a pull that runs no longer, and will not."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Which model to try first, and every model of the catalog, in the order to show; `pulling` are the names
    of those that are being pulled or wait for it."""

    first: tuple[FirstChoice, ...]
    models: tuple[ModelLine, ...]
    pulling: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OneModel:
    """All about one model: its line of the overview, its card in words, its variants (the best first), and
    its results, the newest first."""

    line: ModelLine
    details: ModelDetails
    variants: tuple[VariantLine, ...]
    results: tuple[StoredModel, ...] = ()
    is_pulling: bool = False


class KnownModels(Protocol):
    """The catalog as `viewfinder models` shows it; a few seconds old at most."""

    async def overview(self) -> Overview: ...

    async def one(self, name: str) -> OneModel:
        """By any name that a request may have. Raises UnknownModel."""
        ...

    async def logs(self, name: str, lines: int) -> tuple[str, ...]:
        """The last lines of a model's log, harmless to show. Raises UnknownModel, BadRequest (no_log)."""
        ...

    async def post_mortem(self, file: str) -> Mapping[str, Any]:
        """The content of a post-mortem, as `fleet/record/post_mortem.as_json` has it; `file` is its name, as
        an event has it. Raises BadRequest (post_mortem_not_found)."""
        ...


@dataclass(frozen=True, slots=True)
class PullLine:
    """One download. `doing` is what happens to `file`: downloading, checking, waiting. `speed` is in bytes a
    second, of the last seconds; None for what is not known. A failed one has its error and what to do."""

    model: str
    variant: str
    status: PullStatus
    doing: str = ""
    file: str = ""
    done_bytes: int = 0
    total_bytes: int | None = None
    speed: float | None = None
    left_s: float | None = None
    error: str = ""
    hint: str = ""
    code: str = ""

    @property
    def is_over(self) -> bool:
        return self.status in OVER


class Pulls(Protocol):
    """Downloads of the catalog's models, one at a time, the others in a queue; what was downloaded stays."""

    def all(self) -> tuple[PullLine, ...]:
        """Those that run or wait, then those that ended since `serve` started, the newest first."""
        ...

    async def start(self, model: str, variant: str | None = None) -> PullLine:
        """Add one to the queue; one that is in it already is returned as it is. Raises UnknownModel (only the
        names and aliases of the catalog are known here), BadRequest (no such variant)."""
        ...

    async def cancel(self, model: str) -> PullLine:
        """Returns when it has stopped; the next pull resumes. One that is over is removed from the list.
        Raises BadRequest (pull_not_found)."""
        ...


@dataclass(frozen=True, slots=True)
class BenchOrder:
    """What to measure; without `models`, all that can be loaded here. `own_questions`: ask the user's own
    questions, too; `only` these. `resume` continues the newest interrupted run, and takes nothing else."""

    models: tuple[str, ...] = ()
    suite: str = "quick"
    own_questions: bool = False
    only: bool = False
    budget: str | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True)
class BenchLine:
    """The bench that runs, or the last one since `serve` started; times are ISO 8601, in UTC.

    `share` (0 to 1) and `left_s` are fit to be shown; `doing` is the phase of `model`, and `so_far` what is
    known of each. `beside` are sentences on what may disturb its timings now, with what to do about it.
    `said` is how it ended, in the words of the command line, `hint` what to do then. `elsewhere` is the run
    that another process measures now, `to_resume` the newest that was interrupted and can be continued.
    """

    status: BenchStatus = "none"
    order: BenchOrder = field(default_factory=BenchOrder)
    run: str = ""
    model: str = ""
    doing: str = ""
    share: float = 0.0
    left_s: float | None = None
    spent_s: float = 0.0
    so_far: tuple[SoFar, ...] = ()
    started_at: str = ""
    ended_at: str = ""
    said: str = ""
    hint: str = ""
    beside: tuple[str, ...] = ()
    elsewhere: str = ""
    to_resume: str = ""

    @property
    def is_running(self) -> bool:
        return self.status in ("running", "stopping")


class Benches(Protocol):
    """Measures models, one run at a time, in a process of its own, as `viewfinder bench` does."""

    async def state(self) -> BenchLine: ...

    async def start(self, order: BenchOrder) -> BenchLine:
        """Raises UnknownModel (only models of the catalog are measured from here), BadRequest (an order that
        cannot be carried out), and AlreadyRunning (bench_running) while another bench runs, also one that was
        started elsewhere."""
        ...

    async def stop(self) -> BenchLine:
        """Returns when it has stopped; what was measured is kept, and can be resumed. Raises BadRequest
        (no_bench) when none runs."""
        ...


@dataclass(frozen=True, slots=True)
class WrongReply:
    """A question that a model answered wrong; `error` says why there is no answer. `measure` is the kind of
    request ("vision", "resolution/64 px"; "vqa": the user's own), `picture` the id of its picture for
    `Results.picture`, empty for a question without one."""

    measure: str
    question: str
    expected: tuple[str, ...]
    said: str
    error: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class OneResult:
    """A stored result, also as `viewfinder results show --json` prints it (`fields`); its section of the
    guide; and what was answered wrong, where `wrong_total` counts those that are not shown, too."""

    result: ModelResult
    fields: Mapping[str, Any]
    section: ModelSection
    wrong: tuple[WrongReply, ...]
    wrong_total: int


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The bytes of a picture, and their media type."""

    content: bytes
    media_type: str


class Results(Protocol):
    """What is stored of all runs, and the guide."""

    async def runs(self) -> tuple[StoredModel, ...]:
        """Every model of every run, the newest run first."""
        ...

    async def one(self, run: str, model: str) -> OneResult:
        """Raises BadRequest (run_not_found, result_not_found)."""
        ...

    async def picture(self, run: str, model: str, picture: str) -> StoredPicture:
        """The picture of a question that was answered wrong. Raises BadRequest (picture_not_found)."""
        ...

    async def compare(self, before: str, after: str) -> tuple[ComparedRun, ...]:
        """Each model that two runs have both. Raises BadRequest (run_not_found, nothing_to_compare)."""
        ...

    async def guide(self) -> Guide:
        """The guide as data, without charts; the first time after a bench, it takes seconds. Raises
        ViewfinderError (no_results)."""
        ...

    async def guide_page(self) -> bytes:
        """The guide as one HTML file with its charts, in UTF-8. Raises as `guide` does."""
        ...


@dataclass(frozen=True, slots=True)
class RatedAnswer:
    """A model's answer about a picture (a data URL), and whether it is `right`. `right_answer` is what is
    right, in a few words; empty: the answer, if that is right."""

    image: str
    question: str
    answer: str
    right: bool
    right_answer: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class KeptQuestions:
    """The folder of the user's own questions: how many `viewfinder bench --vqa FOLDER` asks, about how many
    pictures, and how many rated answers wait until somebody says what is right."""

    folder: str
    questions: int = 0
    pictures: int = 0
    without_answer: int = 0


@dataclass(frozen=True, slots=True)
class RatingOutcome:
    """`asked`: the question is one of the user's own now, with these right answers. `is_new`: it was not
    before."""

    asked: bool
    is_new: bool
    answers: tuple[str, ...]
    kept: KeptQuestions


class Questions(Protocol):
    """The user's own questions, made of rated answers."""

    async def kept(self) -> KeptQuestions: ...

    async def rate(self, rated: RatedAnswer) -> RatingOutcome:
        """Raises InvalidImage, BadRequest (answer_too_long, questions_full), ViewfinderError (disk_full)."""
        ...


@dataclass(frozen=True)
class Backing:
    """All of it."""

    models: KnownModels
    pulls: Pulls
    bench: Benches
    results: Results
    questions: Questions
