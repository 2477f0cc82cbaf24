"""`viewfinder suspects`: which answers of the running `serve` can no longer be trusted, and why."""

from dataclasses import asdict
from typing import Annotated

import typer

from viewfinder.cli.console import columns, output, print_json


def suspects(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the answers given shortly before a model failed its canary: they may be wrong."""
    from viewfinder.api.control import Control

    answers = Control().suspects()
    if as_json:
        print_json([asdict(answer) for answer in answers])
    elif answers:
        rows = [(answer.model, answer.id) for answer in answers]
        output.print(columns(("model", "answer"), rows, (one.reason for one in answers)), highlight=False)
    else:
        output.print("None: no model has failed its canary since the start.")
