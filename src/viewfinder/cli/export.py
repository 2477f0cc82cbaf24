"""`viewfinder export`: what was measured, for other programs."""

import itertools
from pathlib import Path
from typing import Annotated

import typer

from viewfinder.cli.console import errors, file_of, write_data
from viewfinder.core.errors import BadRequest


def export(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL...]", help="All that were measured otherwise.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="jsonl, csv or lmms-eval")] = "jsonl",
    run: Annotated[str | None, typer.Option(metavar="RUN", help="This run alone.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write to this file, not to stdout (-); the folder for lmms-eval."),
    ] = None,
) -> None:
    """Write every stored exchange, one a line; or the graded ones as lmms-eval's files."""
    from viewfinder.api.exporting import export as lines_of
    from viewfinder.api.exporting import export_lmms_eval

    if form == "lmms-eval":
        if out is not None and file_of(out) is None:
            raise BadRequest("lmms-eval's files are a folder.", hint="Name one: --out FOLDER", param="out")
        files = export_lmms_eval(out or Path("lmms-eval"), run=run, models=models or [])
        errors.print(f"Wrote {len(files)} files to {out or 'lmms-eval'}", markup=False)
        return
    lines = lines_of(form, run=run, models=models or [])
    first = next(lines, "")  # nothing is made when there is nothing to write
    if (file := file_of(out)) is None:
        for line in itertools.chain([first], lines):
            write_data(line)
        return
    with file.open("w", encoding="utf-8", newline="") as page:
        page.write(first)
        page.writelines(lines)
    errors.print(f"Wrote {file}", markup=False)
