"""`viewfinder why [ID]`: why a request to an `auto:` or `cascade:` name got its model."""

from datetime import datetime
from typing import Annotated

import typer

from viewfinder.cli.console import columns, output, print_json


def why(
    id: Annotated[
        str,
        typer.Argument(
            metavar="[ID]",
            help="The id of an answer or of its request, or an auto: or cascade: name for what it means now. "
            "Default: the newest request.",
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Explain why an auto: name got its model: the candidates, their figures, what each one lacked."""
    from viewfinder.api.why import why as explained

    choice = explained(id)
    if as_json:
        print_json(choice.model_dump())
        return
    at = datetime.fromtimestamp(choice.at).astimezone().isoformat(" ", "seconds")
    output.print(f"{choice.name}, {at}: {choice.model or 'no model'}", markup=False, highlight=False)
    output.print(choice.why, markup=False, highlight=False)
    if choice.others:
        rows = [(one.model, one.variant, one.measured or "not measured") for one in choice.others]
        output.print("")
        output.print(
            columns(("not chosen", "variant", "measured"), rows, (one.why for one in choice.others)),
            highlight=False,
        )
