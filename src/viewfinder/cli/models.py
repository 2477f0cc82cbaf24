"""`viewfinder models`: what there is and what can be loaded here."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from viewfinder.cli.screen import output, print_json


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the models, what they can do, and whether they can be loaded here."""
    from viewfinder.api.serving import models as list_models

    lines = list_models()
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    table = Table("model", "engine", "vision", "text", "size", "here")
    for line in lines:
        size = f"{line.size_bytes / 1e6:.1f} MB" if line.size_bytes else "?"
        table.add_row(
            line.name,
            line.engine,
            "yes" if line.vision else "no",
            "yes" if line.text else "no",
            size,
            "yes" if line.ready else line.note,
        )
    output.print(table)
