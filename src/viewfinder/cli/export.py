"""`viewfinder export`: what was measured, for other programs."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from viewfinder.cli.console import errors


def export(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL...]", help="All that were measured otherwise.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="jsonl, csv or lmms-eval")] = "jsonl",
    run: Annotated[str | None, typer.Option(metavar="RUN", help="This run alone.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write to this file, not to stdout; the folder for lmms-eval."),
    ] = None,
) -> None:
    """Write every stored exchange, one a line; or the graded ones as lmms-eval's files."""
    from viewfinder.api.exporting import export as lines_of
    from viewfinder.api.exporting import export_lmms_eval

    if form == "lmms-eval":
        files = export_lmms_eval(out or Path("lmms-eval"), run=run, models=models or [])
        errors.print(f"Wrote {len(files)} files to {out or 'lmms-eval'}", markup=False)
        return
    lines = lines_of(form, run=run, models=models or [])
    first = next(lines, "")  # nothing is made when there is nothing to write
    with contextlib.ExitStack() as stack:
        page = stack.enter_context(out.open("w", encoding="utf-8", newline="")) if out else sys.stdout
        page.write(first)
        page.writelines(lines)
    if out:
        errors.print(f"Wrote {out}", markup=False)
