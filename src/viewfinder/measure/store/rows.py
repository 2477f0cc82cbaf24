"""What the results file holds, as objects and as rows; called by `store`."""

import json
import sqlite3
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.client.exchange import Exchange
from viewfinder.host.hardware import Machine

ANCHOR = "(anchor)"
"""The name under which the machine's own speed is kept; no model can have it (see `catalog.card.NAME`)."""


class Request(BaseModel):
    """What a person asked to be measured, so that the run can go on after an interruption.

    `names` are the words for the models ("glimpse", "hf:owner/name", a path), in their order; for a server
    that runs already, at `endpoint`, what it calls them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = ()
    endpoint: str | None = None
    variants: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation of bench; `finished_at` is empty when it was interrupted or still runs.

    `seed` gives its order, `counts` are those of its suite. `request` is None when it cannot go on.
    """

    run: str
    suite: str
    started_at: str
    finished_at: str
    machine: Machine
    seed: int = 0
    counts: dict[str, Any] = field(default_factory=dict)
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One exchange and what it was for; `right` is None when the answer was not graded.

    `place` numbers the exchanges of its process and scenario; None in files of the first version.
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
        request=None if row["request"] == "{}" else Request.model_validate_json(row["request"]),
    )


def row_of_asked(asked: Asked) -> dict[str, object]:
    exchange = asked.exchange
    stamps = asdict(exchange)
    del stamps["text"]
    return {
        "run": asked.run,
        "model": asked.model,
        "process": asked.process,
        "scenario": asked.scenario,
        "question": asked.question,
        "scene": asked.scene,
        "expected": asked.expected,
        "is_right": asked.right,
        "text": exchange.text,
        "error": exchange.error,
        "ttft_s": exchange.ttft_s,
        "e2e_s": exchange.e2e_s,
        "prompt_tokens": exchange.prompt_tokens,
        "completion_tokens": exchange.completion_tokens,
        "stamps": json.dumps(stamps),
        "place": asked.place,
    }


def asked_of(row: sqlite3.Row) -> Asked:
    fields = json.loads(row["stamps"])
    times_s = tuple(fields.pop("token_times_s"))
    return Asked(
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
