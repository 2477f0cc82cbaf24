"""Writes docs/settings.md from the settings themselves: `make docs`, or python -m docs.generate.settings."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from viewfinder.core.config import MIB, Settings
from viewfinder.report.formats.markdown import text

HEAD = Path(__file__).with_name("settings.md")


def write_settings() -> str:
    """The page, as Markdown: what a person has to know first, then a table for each section of the file."""
    plain = {name: field for name, field in Settings.model_fields.items() if _section(field) is None}
    parts = [HEAD.read_text(encoding="utf-8"), "## At the top of the file\n", _table(plain)]
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is not None:
            named = f"[{name}.MODEL]" if get_origin(field.annotation) is dict else f"[{name}]"
            about = (field.description or section.__doc__ or "").strip().partition("\n")[0]
            parts += [f"## `{named}`\n", f"{_sentence(about)}\n", _table(section.model_fields)]
    return "\n".join(parts)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a table of the file; None for a single value."""
    types = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in types if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _table(fields: dict[str, FieldInfo]) -> str:
    rows = [
        f"| `{name}` | {_default(name, field)} | {text(_about(field))} |" for name, field in fields.items()
    ]
    return "\n".join(("| Setting | Default | |", "|---|---|---|", *rows, ""))


def _about(field: FieldInfo) -> str:
    return "; ".join((*([field.description] if field.description else []), *_bounds(field)))


def _bounds(field: FieldInfo) -> Iterator[str]:
    """The limits of a value that are not plain to see, such as 65535 for a port."""
    for limit in field.metadata:
        most = getattr(limit, "le", None)
        if most is not None:
            yield f"at most {most:,}"


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "has to be given"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", (), {}):
        return "none"
    whole = f" ({value // MIB} MiB)" if name.endswith("bytes") and value % MIB == 0 else ""
    return f"`{_written(value)}`{whole}"


def _written(value: Any) -> str:
    """The value as the file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}" if value >= 10_000 else str(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sentence(about: str) -> str:
    return about[:1].upper() + about[1:].removesuffix(".") + "."


if __name__ == "__main__":
    sys.stdout.write(write_settings())
