"""What a measure is: the contract between one folder of `measures/` and the rest of the code.

Implemented by each of those folders and by third parties' packages (see `docs/add-a-measure.md`); called by
`session` (asks), `result_builder` (finds), `verdict` and the report (facts, rows, sections) and `compare`
(samples).
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

from viewfinder.catalog.card import Variant
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.host import disturbance
from viewfinder.host.hardware import Machine
from viewfinder.measure.figures import NO_VISION, NOT_OURS, Frozen, Gate, Measured, Missing
from viewfinder.measure.forecast import Batch
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.statistics.pairs import GradedAnswers
from viewfinder.measure.subject import Subject
from viewfinder.wire.coordinates import BOX_STYLES

C = TypeVar("C")
"""A measure's counts: its own frozen dataclass."""
R = TypeVar("R", bound=BaseModel)
"""A measure's result: its own model, as it is stored."""

Need = Literal["vision", "text", "sight", "own_process", "ours", "boxes"]
"""vision, text: the variant takes images, or prompts without an image. sight: it passed the vision gate, or
had too few questions to fail it. own_process: no other measure uses the process before. ours: Viewfinder
starts the server. boxes: the card says in which style it writes them."""
JUDGED = ("vision", "text")
"""The gates that decide a status."""
NO_BOXES = Missing(missing="not asked: the card names no way to give boxes")
DEPTHS = ("quick", "standard", "thorough")
NO_FIGURE = "—"
"""Stands in the guide in place of a figure that is missing."""


@dataclass(frozen=True, slots=True)
class NoCounts:
    """The counts of a measure that has nothing to choose: every timed process is measured once."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A figure that other programs can disturb: the guide marks it if they did."""

    measured: Measured


CellContent = str | Measured | Gate | Timing
"""What stands in a cell of the guide; words are plain text, and may come from outside."""
Row = tuple[str, CellContent]
"""Item and value of a model's table in the guide."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table after a sentence that introduces it. Each line maps columns to values; a column that a line
    lacks is empty there."""

    intro: str
    lines: Sequence[Mapping[str, CellContent]]

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column for line in self.lines for column in line))

    @property
    def rows(self) -> list[tuple[CellContent, ...]]:
        return [tuple(line.get(column, "") for column in self.header) for line in self.lines]


@dataclass(frozen=True, slots=True)
class MemoryTrend:
    """How the server's memory changed over many requests: `kind` is "flat", "plateau", "leak" and so on.

    `least_bytes` is the lower bound of the bytes that a request adds and never gives back.
    """

    kind: str
    is_sound: bool
    least_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """The parts of a result that the verdict and the recommendations may use.

    `figures` are headline figures, by the names under which `Measure.samples` compares them, in the guide's
    units. `gates` are known-answer questions by name. `issues` are sentences that a user must know, and with
    which no model is ready for production; `limits` are sentences to know that change no status. `corruption`
    are those for which a model must be avoided; `disturbances` say what spoiled its timings.
    `failed` of `timed` requests had no answer. `leak_requests` is the number of requests that were searched
    for mix-ups of images; None: none were. `steady_bytes` is the server's memory when it is warm.
    """

    figures: Mapping[str, Measured] = field(default_factory=dict)
    gates: Mapping[str, Gate | Missing] = field(default_factory=dict)
    issues: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    corruption: tuple[str, ...] = ()
    disturbances: tuple[str, ...] = ()
    failed: int = 0
    timed: int = 0
    leak_requests: int | None = None
    trend: MemoryTrend | None = None
    steady_bytes: int = 0

    @property
    def unreached(self) -> list[str]:
        """The deciding gates that were not asked to the end, for whatever reason but that the variant takes
        no images."""
        known = {name: self.gates[name] for name in JUDGED if name in self.gates}
        return [name for name, gate in known.items() if isinstance(gate, Missing) and gate != NO_VISION]


def merged(some: Iterable[Facts]) -> Facts:
    """The facts of all measures of one model."""
    every = list(some)
    return Facts(
        figures={name: figure for one in every for name, figure in one.figures.items()},
        gates={name: gate for one in every for name, gate in one.gates.items()},
        issues=tuple(issue for one in every for issue in one.issues),
        limits=tuple(limit for one in every for limit in one.limits),
        corruption=tuple(clause for one in every for clause in one.corruption),
        disturbances=tuple(sentence for one in every for sentence in one.disturbances),
        failed=sum(one.failed for one in every),
        timed=sum(one.timed for one in every),
        leak_requests=next((one.leak_requests for one in every if one.leak_requests is not None), None),
        trend=next((one.trend for one in every if one.trend is not None), None),
        steady_bytes=max((one.steady_bytes for one in every), default=0),
    )


def others_at_work(log: ProcessLog) -> str:
    """A clause on the share of the processors that other programs used, if it was too much; else empty."""
    return disturbance.clause(log.outcome.foreign_s, log.outcome.available_s)


@dataclass(frozen=True, slots=True)
class RightAnswers:
    """Compares models question by question: whether the answer is right, by scene and question."""

    read: Callable[[Sequence[ProcessLog]], GradedAnswers]


@dataclass(frozen=True, slots=True)
class ProcessValues:
    """Compares models process by process: one positive value each, by the process's number."""

    read: Callable[[Sequence[ProcessLog]], Mapping[int, float]]
    is_timing: bool = True
    higher_is_better: bool = False


Reader = RightAnswers | ProcessValues


class ResultHeader(Frozen):
    """Which variant was measured, in which run, on which machine and with which software."""

    model: str
    title: str
    model_id: str
    variant: str
    engine: str
    engine_version: str
    quantization: str
    endpoint: str
    suite: str
    run: str
    measured_at: str
    machine: Machine
    fingerprint: str = ""
    """Digest of the computer and the software; empty in results of older versions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure(Generic[C, R]):
    """One subject: the requests it makes, the result it finds in the answers, and its text in the guide.

    `name` is its key in a result. `counts` are by suite; a suite without an entry leaves the measure out. A
    measure that needs no process of its own uses each of the suite's timed processes, in the registry's
    order.
    """

    name: str
    counts: Mapping[str, C]
    result: type[R]
    needs: frozenset[Need] = frozenset()
    images: int = 1
    """How many images its requests hold; a variant that takes fewer is left out."""

    ask: Callable[[Subject, C, int], Awaitable[Series | None]]
    """Sends requests to the nth of its processes, counted from 0, and judges nothing; the subject keeps every
    sample. Returns numbers to keep beside the samples. Raises EngineDied and EngineStalled when the process
    answers no more: a measure records that, too."""
    find: Callable[[Sequence[ProcessLog], C, Variant], R | Missing]
    """The result of all its processes, at least one; pure, so that stored logs give the same result again."""
    steps: Callable[[C, int], int]
    """The most requests that it sends to the nth of its processes; for the progress display."""
    batches: Callable[[C, int], Sequence[Batch]] | None = None
    """The kinds and the limits of these requests, from which the time that is left is estimated before a
    process was measured; without it, they are like short questions about images."""
    processes: Callable[[C], int] = lambda counts: 1
    """How many processes of its own it needs; 0: the suite leaves it out."""
    engine_settings: Callable[[EngineSettings, Variant, int], EngineSettings] = lambda given, variant, nth: (
        given
    )
    """The engine settings of the nth of its processes, made from those of the run."""
    unable: Callable[[], Missing | None] = lambda: None
    """Why this computer cannot measure it, or None."""

    timed: bool = False
    """Its processes are measured again when other programs used the processors meanwhile."""
    disturbed: Callable[[ProcessLog], str] = others_at_work
    """Why the times of a process are spoiled, in a clause; empty if they are not."""
    resumable: bool = False
    """Any process can answer its questions, so that answers from before an interruption count; otherwise the
    interrupted process is measured from the start."""
    required: bool = False
    """Nothing is known of the model without it: an engine that dies in it ends the session."""
    has_phases: bool = False
    """It reports its progress itself, by `subject.begin`."""

    rows: Callable[[R | Missing], Sequence[Row]] = lambda found: ()
    """Its rows in the model's table."""
    section: Callable[[R], Sequence[Table]] = lambda result: ()
    """Its tables below that."""
    method: Sequence[str] = ()
    """Sentences for the guide's "How it was measured"."""
    facts: Callable[[R | Missing], Facts] = lambda found: Facts()
    """What the verdict and the recommendations may use; figures that are missing say why."""
    absent: str = "the suite does not measure it"
    """Why there is no result when the suite leaves it out."""
    samples: Mapping[str, Reader] = field(default_factory=dict)
    """How runs and models are compared, by the name of the figure."""
    files: Callable[[R, ResultHeader], Mapping[str, bytes]] = lambda result, header: {}
    """Files that belong to the result, by their path in the state folder."""

    def likely(self, counts: C, nth: int) -> Sequence[Batch]:
        """The requests to the nth of its processes, as far as they are known before; none where this computer
        cannot measure it."""
        if self.unable() is not None:
            return ()
        if self.batches is not None:
            return self.batches(counts, nth)
        return (Batch(self.steps(counts, nth), budget_s=getattr(counts, "budget_s", math.inf)),)

    def skip_reason(self, variant: Variant) -> Missing | None:
        """Why this variant cannot be measured, or None."""
        if "vision" in self.needs and not variant.vision:
            return NO_VISION
        if "boxes" in self.needs and variant.coordinates not in BOX_STYLES:
            return NO_BOXES
        if "text" in self.needs and not variant.text:
            return Missing(missing="this variant takes no prompts without an image")
        if variant.images is not None and variant.images < self.images:
            most = "one image" if variant.images == 1 else f"{variant.images} images"
            return Missing(missing=f"this variant takes {most} in one request")
        return NOT_OURS if "ours" in self.needs and variant.server is not None else self.unable()
