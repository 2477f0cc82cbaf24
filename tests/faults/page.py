"""Writes docs/reliability.md from the fault table: `make docs`, or python -m tests.faults.page."""

import sys
from collections.abc import Iterable

from tests.faults.elsewhere import CLIENTS, FILES, LONG, OWNERSHIP, PROCESSES
from tests.faults.measured import measured
from tests.faults.table import ENGINES, Fault

INTRO = """\
# Reliability

Generated from `tests/faults` by `make docs`; change the tables there, not this page.

What is promised:

- A request ends exactly once: with its own answer, or with an error in OpenAI's form that says what happened.
- An engine that dies, hangs or mixes up images is replaced without anybody's help. What had not been answered
  by a single word is asked once more on the fresh process, so most clients notice nothing but the time.
- A model that keeps dying is given up (`failed`) and says so at once, until a person loads it again.
- Nothing that Viewfinder started outlives it, and nothing that it did not start is touched.

How it is proven: each row below is a test that makes the fault happen, with real processes, and checks what
the client got and what is left. `make test` runs them all; the long runs at the end are `make soak`. The
command below a table reproduces one row by itself (`make check` sets up `.venv`).

The engine of the first table is a small program that does one thing wrong on purpose (`tests/faults/plugin`),
plugged in as a third party's engine would be, behind the real gateway and fleet. Names in `code` are error
codes, settings, and the states that `viewfinder ps` shows.
"""

SECTIONS: tuple[tuple[str, str, tuple[Fault, ...]], ...] = (
    ("An engine goes wrong", "", ENGINES),
    ("Processes are killed", "", PROCESSES),
    ("Somebody else is there", "", OWNERSHIP),
    ("Files and disks", "", FILES),
    ("Clients", "", CLIENTS),
    (
        "For a long time",
        "These take minutes each and are run by `make soak`; `make test` runs a short form.",
        LONG,
    ),
)

LIMITS = """\
## What this does not buy

- An answer that is wrong because the model is wrong looks like any other. The canary asks known images; what
  an engine said between two of its examinations is marked as suspect afterwards, and not before.
- A model that answers no known image right has no canary: errors and silence are mended all the same,
  mixed-up images are not found.
- An answer that is not streamed and never ends holds its client until the client gives up, as long as the
  engine computes: who works is never called stuck. A streamed one is cut.
- A request that kills its engine is asked twice, and so costs two processes.
- All of it was run on Linux. On macOS a process that has left its engine's group is not found when Viewfinder
  is killed with -9.
"""


LABELS = {
    "answers": "complete answers",
    "wrong": "of them such that the undisturbed model gets wrong, too",
    "of_another": "answers that belong to another request",
    "strange": "answers that are neither right nor the undisturbed model's",
    "errors": "errors in place of a complete answer, by code",
    "engine_died": "`engine_died`",
    "engine_stalled": "`engine_stalled`",
    "engine_quarantined": "`engine_quarantined`",
    "stuck": "requests without an end",
    "replays": "requests asked again on a fresh process",
    "slowest_answer_s": "slowest answer, seconds",
    "slowest_recovery_s": "slowest recovery (from a kill to the model's next answer), seconds",
    "left_early": "clients that left in the middle",
    "before": "held after a warm-up of a fifth as many",
    "after": "held at the end",
    "resident_bytes": "resident bytes",
}
"""What the names in the records mean."""

KILLERS_RULE = """\
For the random kills the restart rule is set for a planted killer (`deaths` 10,000, `stable_s` 1): each kill
stands for itself. By the default rule the fifth death within a minute is the last (`retry-storm` above).
"""


def write_page() -> str:
    """The page, as Markdown."""
    return "\n".join([INTRO, *_sections(), _measured(), LIMITS])


def all_faults() -> list[Fault]:
    """Every row."""
    return [fault for _, _, faults in SECTIONS for fault in faults]


def _sections() -> Iterable[str]:
    for title, words, faults in SECTIONS:
        yield f"## {title}\n"
        if words:
            yield f"{words}\n"
        yield _table(("Fault", "What goes wrong", "What a client sees", "How it ends"), _rows(faults))
        yield "```sh\n" + "\n".join(f"{fault.command}  # {fault.name}" for fault in faults) + "\n```\n"


def _rows(faults: Iterable[Fault]) -> Iterable[tuple[str, ...]]:
    return ((f"`{fault.name}`", fault.what, fault.client, fault.end) for fault in faults)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _measured() -> str:
    """The records of the long runs that were published last."""
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
        rows = ((_label(key), _told(value)) for key, value in record.items())
        parts.append(_table(("Measured", ""), rows))
    return "\n".join(parts)


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " "))


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_label(name)} {_told(part)}" for name, part in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.stdout.write(write_page())
