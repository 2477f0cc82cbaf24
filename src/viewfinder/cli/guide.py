"""`viewfinder guide`: the reference guide, from what was measured."""

from pathlib import Path
from typing import Annotated

import typer

from viewfinder.cli.console import errors


def guide(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write to this file, not to stdout.")
    ] = None,
) -> None:
    """Write the reference guide as Markdown from the stored results."""
    from viewfinder.api.measuring import guide as write

    text = write()
    if out is None:
        typer.echo(text)
        return
    out.write_text(text, encoding="utf-8")
    errors.print(f"Wrote {out}", markup=False)
