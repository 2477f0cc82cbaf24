"""Writes docs/clients.md from the table and what was measured: `make docs`, python -m tests.clients.page."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tests.clients.row import CHECKS, Client
from tests.clients.table import CLIENTS
from tests.faults.measured import measured
from tests.faults.tables import table

INTRO = """\
# Clients

Generated from `tests/clients` by `make docs`; change the table there, not this page.

Real clients of these versions, unchanged, each in an environment of its own, against a real
`viewfinder serve glimpse`. `make test-clients` installs and runs them all, `make test-clients CLIENTS="openai
npm"` some (the names are those of `tests/clients/requirements`, and of the folders with a `package.json`).
What is judged is that requests and replies work; how well a model answers is another matter
(`viewfinder bench`).

"""

SHAPES = """
## Not run, but answered

Frigate, Open WebUI, Continue, Cline and Home Assistant cannot be run in a test. Their requests, in the
shapes that their public source gives them (`tests/clients/shapes`), are answered:
`tests/clients/test_shapes.py`.
"""

MARKS = {"ours": "**no**", "the client's": "no", "not applicable": "n/a"}


def write_page() -> str:
    """The page, as Markdown."""
    return "".join([INTRO, _works(), "\n", _checks(), *_reasons(), SHAPES])


def _works() -> str:
    rows = measured("clients")
    head = ("Client", "Version", *CHECKS, "also")
    return table(head, (_row(client, rows[client.name]) for client in CLIENTS if client.name in rows))


def _row(client: Client, row: Mapping[str, Any]) -> tuple[str, ...]:
    also = (f"{name}: {_mark(client, row, name)}" for name in client.also)
    marks = (_mark(client, row, name) for name in CHECKS)
    return (client.title, row["version"], *marks, ", ".join(also))


def _mark(client: Client, row: Mapping[str, Any], check: str) -> str:
    """What was measured decides; the reasons of the table only say which kind of no it is."""
    if check in row["passed"]:
        return "yes"
    return MARKS[client.nos[check].whose] if check in client.nos else "**no**"


def _checks() -> str:
    text = "".join(f"- **{name}**: {what}.\n" for name, what in CHECKS.items())
    return f"{text}\nA bold no is Viewfinder's, another the client's; n/a: the client has no such thing.\n"


def _reasons() -> Iterable[str]:
    rows = [
        (client.title, ", ".join(checks), whose, why)
        for client in CLIENTS
        for (whose, why), checks in _grouped(client).items()
    ]
    if rows:
        yield "\n## Why not\n\n"
        yield table(("Client", "What", "Whose", "Why"), rows)


def _grouped(client: Client) -> dict[tuple[str, str], list[str]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for check, no in client.nos.items():
        groups.setdefault((no.whose, no.why), []).append(check)
    return groups


if __name__ == "__main__":
    sys.stdout.write(write_page())
