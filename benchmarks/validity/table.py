"""The results of a proof, as rows of what was expected and what was found; made by every proof, shown by
`page`."""

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from viewfinder.host.hardware import this_machine

FOLDER = Path(__file__).parents[2] / "docs" / "measured"
SHORT = os.environ.get("VIEWFINDER_VALIDATE") == "short"
"""Whether to run the short form: the same proofs with fewer samples."""


@dataclass(frozen=True, slots=True)
class Row:
    """One claim about the instrument: the result that is `due`, and the one that was `found`."""

    what: str
    due: str
    found: str
    good: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One proof: `words` say how it was made, `notes` are remarks on this result."""

    name: str
    title: str
    words: str
    rows: tuple[Row, ...]
    notes: str = ""
    took_s: float = 0.0
    date: str = ""
    machine: str = ""
    command: str = ""

    @property
    def good(self) -> bool:
        return all(row.good for row in self.rows)

    def dated(self, took_s: float) -> Self:
        """This table with when, where and how it was made."""
        machine = this_machine()
        memory = f"{machine.memory_bytes / 2**30:.0f} GiB"
        where = f"{machine.cpu}, {machine.cores_physical} cores, {memory}, {machine.os}"
        command = f"{'VIEWFINDER_VALIDATE=short ' if SHORT else ''}python -m benchmarks.validity {self.name}"
        date = time.strftime("%Y-%m-%d")
        return replace(self, took_s=round(took_s, 1), date=date, machine=where, command=command)

    def keep(self, folder: Path) -> None:
        """Write it where `kept` finds it."""
        folder.mkdir(parents=True, exist_ok=True)
        _file(folder, self.name).write_text(json.dumps(asdict(self), indent=1) + "\n")


def kept(name: str, folder: Path = FOLDER) -> Table | None:
    """The published table of this name; None when there is none."""
    file = _file(folder, name)
    if not file.exists():
        return None
    fields = json.loads(file.read_text())
    return Table(**{**fields, "rows": tuple(Row(**row) for row in fields["rows"])})


def markdown(table: Table) -> str:
    """The table as a section of a page."""
    lines = [("", "Expected", "Found", ""), ("---",) * 4]
    lines += [(row.what, row.due, row.found, "yes" if row.good else "**no**") for row in table.rows]
    parts = [f"## {table.title}", table.words]
    if table.command:
        parts.append(f"{table.date}, {table.machine}; {table.took_s:.0f} s: `{table.command}`")
    parts.append("\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines))
    return "\n\n".join([*parts, table.notes] if table.notes else parts) + "\n"


def _file(folder: Path, name: str) -> Path:
    return folder / f"validity-{name}.json"
