"""Writes docs/reliability.md from the fault table: `make docs`, or python -m tests.faults.page."""

import sys
from collections.abc import Iterable

from tests.faults.elsewhere import CLIENTS, FILES, LONG, OWNERSHIP, PROCESSES
from tests.faults.measured import measured
from tests.faults.table import ENGINES, Fault
from tests.faults.tables import of_record, table

INTRO = """\
# Reliability

Generated from `tests/faults` by `make docs`; change the tables there, not this page. What
strangers send is in [security.md](security.md).

What Viewfinder promises:

- A request ends exactly once: with its own answer, or with an error in OpenAI's form that says what happened.
- An engine that dies, hangs or mixes up images is replaced automatically. A request that had no word of an
  answer yet is retried once in the fresh process, so most clients notice only a delay.
- A model that keeps dying is given up (`failed`). Requests then fail at once, until `viewfinder load`.
- Nothing that Viewfinder started outlives it, and it never stops a process that it did not start.

How it is proven: each row below is a test that makes the fault happen, with real processes, and checks what
the client got and what is left. `make test` runs them all; the long runs at the end are `make soak`. The
command below a table reproduces one row (`make check` sets up `.venv`).

The engine of the first table is a small program that does one thing wrong on purpose (`tests/faults/plugin`),
installed like the engine of a third party, behind the real gateway and fleet. Names in `code` are error
codes, settings, and the states that `viewfinder ps` shows.
"""

SECTIONS: tuple[tuple[str, str, tuple[Fault, ...]], ...] = (
    ("Faults of an engine", "", ENGINES),
    ("Killed processes", "", PROCESSES),
    ("Other owners and foreign programs", "", OWNERSHIP),
    ("Files and disks", "", FILES),
    ("Clients", "", CLIENTS),
    (
        "Long runs",
        "These take minutes each and are run by `make soak`; `make test` runs a short form.",
        LONG,
    ),
)

LIMITS = """\
## Limits

- An answer that is wrong because the model is wrong looks like any other. The canary checks known images;
  answers given before a check that fails are marked as suspect only after it.
- A model that answers none of the known images correctly has no canary: errors and silence are still handled,
  but mixed-up images are not detected.
- An engine that computes may be silent for ten times as long as any other, and for a minute at least, before
  it counts as stalled; with less than a quarter of a core, it is only slow. Until a model's speed was
  measured, that is ten minutes. One that computes after its last client has left, and answers nothing, is
  replaced after the time that such an answer may take, and after a minute at most if its prompt takes less.
- A request that kills its engine is sent twice, and so costs two processes.
- All of it was run on Linux. On macOS a process that has left its engine's group is not found when Viewfinder
  is killed with -9.
"""


LABELS = {
    "answers": "complete answers",
    "wrong": "of them wrong, as are those of the undisturbed model",
    "of_another": "answers that belong to another request",
    "strange": "answers that are neither right nor the undisturbed model's",
    "errors": "errors instead of a complete answer, by code",
    "engine_died": "`engine_died`",
    "engine_stalled": "`engine_stalled`",
    "engine_quarantined": "`engine_quarantined`",
    "stuck": "requests without an end",
    "replays": "requests retried in a fresh process",
    "slowest_answer_s": "slowest answer, seconds",
    "slowest_recovery_s": "slowest recovery (from a kill to the model's next answer), seconds",
    "left_early": "clients that disconnected in the middle",
    "before": "after a warm-up with a fifth of the requests",
    "after": "at the end",
    "resident_bytes": "resident bytes",
}
"""The meaning of the names in the records."""

KILLERS_RULE = """\
For the random kills the restart rule is relaxed (`deaths` 10,000, `stable_s` 1), so that each kill counts by
itself. By default a model is given up at its fifth death within a minute (`retry-storm` above).
"""


def write_page() -> str:
    """The page, as Markdown."""
    return "\n".join([INTRO, *_sections(), _measured(), LIMITS])


def all_faults() -> list[Fault]:
    """Every row."""
    return [fault for _, _, faults in SECTIONS for fault in faults]


def _sections() -> Iterable[str]:
    for title, text, faults in SECTIONS:
        yield f"## {title}\n"
        if text:
            yield f"{text}\n"
        yield table(("Fault", "What goes wrong", "What a client sees", "Outcome"), _rows(faults))
        yield "```sh\n" + "\n".join(f"{fault.command}  # {fault.name}" for fault in faults) + "\n```\n"


def _rows(faults: Iterable[Fault]) -> Iterable[tuple[str, ...]]:
    return ((f"`{fault.name}`", fault.what, fault.client, fault.end) for fault in faults)


def _measured() -> str:
    """The records of the latest published long runs."""
    parts = ["## What the long runs measured\n", KILLERS_RULE]
    for name, title in (
        ("chaos", "Random kills under load"),
        ("budget", "A budget for one of two"),
        ("soak", "Ten thousand requests"),
    ):
        record = dict(measured(name))
        if not record:
            continue
        parts.append(f"### {title}\n")
        parts.append(f"{record.pop('date')}, {record.pop('machine')}.\n")
        parts.append(of_record(record, LABELS))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(write_page())
