"""Tables in Markdown, for the pages that are generated from tables and records of tests."""

from collections.abc import Iterable, Mapping
from typing import Any


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def of_record(record: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """A row for each figure of a run; one without a label has its own name."""
    rows = ((_label(name, labels), _shown(value, labels)) for name, value in record.items())
    return table(("Measured", ""), rows)


def _label(name: str, labels: Mapping[str, str]) -> str:
    return labels.get(name, name.replace("_", " "))


def _shown(value: object, labels: Mapping[str, str]) -> str:
    if isinstance(value, dict):
        parts = (f"{_label(name, labels)} {_shown(part, labels)}" for name, part in value.items())
        return ", ".join(parts) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
