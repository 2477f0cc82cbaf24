"""What the results file holds, as objects and as rows; called by `store/store`."""

import json
import sqlite3
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.client.exchange import Exchange
from viewfinder.host.hardware import Machine

ANCHOR = "(anchor)"
"""The name under which the machine's own speed is kept; no model can have it (see `catalog.card.NAME`)."""


class RunRequest(BaseModel):
    """What a person wanted measured, so that the run can be resumed after an interruption.

    `names` are the models as they were typed ("glimpse", "hf:owner/name", a path), in their order; for an
    `endpoint`, the names by which it serves them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = ()
    endpoint: str | None = None
    variants: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation of bench; `finished_at` is empty when it was interrupted or still runs.

    `seed` gives its order, `counts` are those of its suite. `request` is None when it cannot be resumed.
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
    """One exchange and what it was for; `right` is None when the answer was not graded.

    `scenario` names the kind of request within its measure ("images", "stability/repeat"). `place` numbers
    the samples of one process and scenario, by when they were sent; None in files of the first version.
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
    return Run(
        run=row["run"],
        suite=row["suite"],
        started_at=row["started_at"],
        finished_at=row["finished_at"] or "",
        machine=Machine.model_validate_json(row["machine"]),
        seed=row["seed"],
        counts=json.loads(row["counts"]),
        request=None if row["request"] == "{}" else RunRequest.model_validate_json(row["request"]),
    )


def row_of_sample(sample: Sample) -> dict[str, object]:
    exchange = sample.exchange
    stamps = asdict(exchange)
    del stamps["text"]
    return {
        "run": sample.run,
        "model": sample.model,
        "process": sample.process,
        "scenario": sample.scenario,
        "question": sample.question,
        "scene": sample.scene,
        "expected": sample.expected,
        "is_right": sample.right,
        "text": exchange.text,
        "error": exchange.error,
        "stamps": json.dumps(stamps),
        "place": sample.place,
    }


def sample_of(row: sqlite3.Row) -> Sample:
    fields = json.loads(row["stamps"])
    times_s = tuple(fields.pop("token_times_s"))
    return Sample(
        run=row["run"],
        model=row["model"],
        process=row["process"],
        scenario=row["scenario"],
        question=row["question"],
        exchange=Exchange(**fields, token_times_s=times_s, text=row["text"]),
        scene=row["scene"],
        expected=row["expected"],
        right=None if row["is_right"] is None else bool(row["is_right"]),
        place=row["place"],
    )


def insert(table: str, row: dict[str, object]) -> str:
    """The statement that writes such a row, its values by name."""
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES (:{', :'.join(row)})"  # noqa: S608 our own names
