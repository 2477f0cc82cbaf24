"""The guide as Markdown; called by `formats`.

Names and failures come from outside: none of them may break a table or become a link.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from viewfinder.report.content import Cell, ComparedRun, Grid, Guide, ModelSection, Remark

_SPECIAL = re.compile(r"([\\`*\[\]<>|~#])|(?<!\w)(_)|(_)(?!\w)")
_TEMPLATES = Path(__file__).parent / "templates"


def write(guide: Guide) -> str:
    """The whole guide."""
    return _environment().get_template("guide.md.j2").render(guide=guide)


def write_model(model: ModelSection) -> str:
    """The section of one model alone, with every figure."""
    return _environment().get_template("model.md.j2").render(model=model)


def write_compared(one: ComparedRun) -> str:
    """One result against an earlier one."""
    return _environment().get_template("compared.md.j2").render(one=one)


def text(words: str) -> str:
    """One line of plain text that Markdown shows as it is."""
    return _SPECIAL.sub(lambda found: f"\\{found.group()}", " ".join(words.split()))


def code(words: str) -> str:
    """A code span; its fence is longer than any run of backticks inside."""
    line = " ".join(words.split()).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def line(one: Remark) -> str:
    """A line of a list, its subject in bold and its command at its end."""
    start = f"**{text(one.about)}**: " if one.about else ""
    if one.command:
        return f"{start}{text(one.text)}: {code(one.command)}"
    return f"{start}{text(one.text)}{'' if one.text.endswith(('.', '…')) else '.'}"


def cell(one: Cell) -> str:
    if one.is_code:
        return code(one.text)
    shown = f"{text(one.text)}{' †' if one.is_disturbed else ''}"
    return f"[{shown}](#{one.anchor})" if one.anchor else shown


def grid(one: Grid) -> str:
    return table([text(column) for column in one.header], (map(cell, row) for row in one.rows))


def table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fenced(lines: str, language: str) -> str:
    """A block of code; its fence is longer than any run of backticks inside."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", lines)), default=0))
    return f"{fence}{language}\n{lines}\n{fence}"


def _environment() -> Environment:
    # Markdown, not HTML: text from outside goes through the filters.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(text=text, code=code, line=line, table=grid)
    environment.globals.update(fenced=fenced)
    return environment
