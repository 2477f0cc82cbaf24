"""`viewfinder guide`: the reference guide, from what was measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from viewfinder.cli.console import errors, file_of, write_data
from viewfinder.core.errors import BadRequest

if TYPE_CHECKING:
    from viewfinder.report.changes import Comparison
    from viewfinder.report.formats import Format

SUFFIXES = {
    ".md": "md",
    ".markdown": "md",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": "md",
    "": "md",
}


def guide(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write to this file, not to stdout (-).")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="md, html or json", show_default="by the name of the file, else md"),
    ] = None,
    charts: Annotated[
        bool, typer.Option("--charts", help="Draw the charts as PNG files beside FILE; HTML has them inside.")
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Compare with this run, as `viewfinder results` lists it (its first letters are enough), "
            "and not with the previous one.",
        ),
    ] = None,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit with 1 if something surely became worse.")
    ] = False,
) -> None:
    """Write the reference guide from the stored results: Markdown, one HTML file, or JSON."""
    from viewfinder.api.measuring import compared_guide as write

    out = file_of(out)
    chosen = chosen_format(form, out)
    if charts and (chosen != "md" or out is None):
        raise BadRequest(
            "--charts draws files beside a Markdown file.", hint="Add: --out guide.md", param="charts"
        )
    text, comparisons = write(chosen, charts_beside=out if charts else None, compare=compare)
    if out is None:
        write_data(text)
    else:
        out.write_text(text, encoding="utf-8")
        errors.print(f"Wrote {out}", markup=False)
    if fail_on_regression and _became_worse(comparisons):
        raise typer.Exit(1)


def _became_worse(comparisons: "Sequence[Comparison]") -> bool:
    """Whether something did; says what, and what could not be compared, which is no failure by itself."""
    from viewfinder.report.changes import open_questions, regressions

    for line in open_questions(comparisons):
        errors.print(line, markup=False, highlight=False)
    worse = regressions(comparisons)
    for each in worse:
        errors.print(f"regression: {each.line}", markup=False, highlight=False)
    if not worse:
        nothing = all(one.not_compared for one in comparisons)
        errors.print("no regression, because nothing could be compared" if nothing else "no regression")
    return bool(worse)


def chosen_format(form: str | None, out: Path | None) -> "Format":
    """The format that was named, else that of the file's name, else Markdown. Raises BadRequest."""
    from viewfinder.report.formats import GUIDE_FORMATS

    wanted = form or (SUFFIXES.get(out.suffix.lower(), out.suffix) if out else "md")
    for one in GUIDE_FORMATS:
        if one == wanted:
            return one
    raise BadRequest(
        f"There is no format named {wanted!r}.", hint=f"Formats: {', '.join(GUIDE_FORMATS)}.", param="format"
    )
