"""The contents of the results file, as objects and as rows; called by `store/store`."""

import json
import sqlite3
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import Field

from viewfinder.client.exchange import Exchange
from viewfinder.host.hardware import Machine
from viewfinder.measure.figures import Frozen, Memory, Phase

ANCHOR = "(anchor)"
"""The model's name under which the machine's own speed is kept; no model can have it (see
`catalog.card.NAME`)."""


class RunRequest(Frozen):
    """What the user wants measured, kept so that the run can be resumed after an interruption.

    `names` are the models as they were typed ("glimpse", "hf:owner/name", a path), in their order; for an
    `endpoint`, the names under which it serves them. `mmproj` is the projector named for the one model.
    `group` is the id that the runs of one `bench --ray` share, one run a model and kind of node, and
    `group_names` are all of its models.
    """

    names: tuple[str, ...] = ()
    endpoint: str | None = None
    variants: dict[str, str] = Field(default_factory=dict)
    mmproj: str | None = None
    group: str = ""
    group_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation of bench; `finished_at` is empty when it was interrupted or still runs.

    `seed` gives the order of its processes, `counts` is its suite as stored. `request` is None when it cannot
    be resumed.
    """

    run: str
    suite: str
    started_at: str
    finished_at: str
    machine: Machine
    seed: int = 0
    counts: dict[str, Any] = field(default_factory=dict)
    request: RunRequest | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One exchange and what it was sent for; `right` is None when the answer was not graded.

    `scenario` names the kind of request within its measure ("images", "stability/repeat"). `place` numbers
    the samples of one process and scenario in the order in which they were sent; None in files of the first
    version.
    """

    run: str
    model: str
    process: int
    scenario: str
    question: str
    exchange: Exchange
    scene: str = ""
    expected: str = ""
    right: bool | None = None
    place: int | None = None


class ProcessOutcome(Frozen):
    """`starts` is more than one when the engine failed to start and was started again. `foreign_s` of
    `available_s` processor seconds went to other programs while requests were timed. `series` holds the
    numbers that its measures noted beside their samples, `pictures` the small pictures that they kept, as
    data URLs; `broke_off` says why it ended early, or is empty. `spent_s` is the part of the run's time that
    it took.
    """

    starts: int = 1
    engine_version: str = ""
    memory: dict[Phase, Memory] = Field(default_factory=dict)
    foreign_s: float = 0.0
    available_s: float = 0.0
    series: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    pictures: dict[str, str] = Field(default_factory=dict)
    broke_off: str = ""
    spent_s: float = 0.0


def row_of_run(run: Run) -> dict[str, object]:
    return {
        "run": run.run,
        "suite": run.suite,
        "started_at": run.started_at,
        "machine": run.machine.model_dump_json(),
        "seed": run.seed,
        "counts": json.dumps(run.counts),
        "request": run.request.model_dump_json() if run.request else "{}",
    }


def run_of(row: sqlite3.Row) -> Run:
    request = row["request"]
    typed = {
        "finished_at": row["finished_at"] or "",
        "machine": Machine.model_validate_json(row["machine"]),
        "counts": json.loads(row["counts"]),
        "request": None if request == "{}" else RunRequest.model_validate_json(request),
    }
    return Run(**{**row, **typed})


def row_of_sample(sample: Sample) -> dict[str, object]:
    row = asdict(sample)
    stamps = row.pop("exchange")
    row |= {"is_right": row.pop("right"), "text": stamps.pop("text"), "error": stamps["error"]}
    return {**row, "stamps": json.dumps(stamps)}


def sample_of(row: sqlite3.Row) -> Sample:
    fields = dict(row)
    for column in ("number", "error", "set_aside"):
        del fields[column]
    stamps, right = json.loads(fields.pop("stamps")), fields.pop("is_right")
    stamps |= {"token_times_s": tuple(stamps["token_times_s"]), "text": fields.pop("text")}
    stamps["top_tokens"] = tuple((token, logprob) for token, logprob in stamps.get("top_tokens", ()))
    return Sample(**fields, exchange=Exchange(**stamps), right=None if right is None else bool(right))


def insert(table: str, row: dict[str, object]) -> str:
    """The statement that inserts a row with these columns, its values given by name."""
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES (:{', :'.join(row)})"  # noqa: S608 our own names
