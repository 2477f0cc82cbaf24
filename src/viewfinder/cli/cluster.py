"""`viewfinder cluster [status]`: the nodes behind a running `serve --ray`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from viewfinder.cli.commands import Command
from viewfinder.cli.console import columns, errors, output, print_json, size

if TYPE_CHECKING:
    from viewfinder.fleet.view import FleetView

app = typer.Typer(
    help="Show the nodes of `serve --ray`: models, requests and memory of each.",
    add_completion=False,
    rich_markup_mode=None,
)
NODE_HEADER = ("node", "replica", "models", "memory", "budget", "leases", "waiting")
_JSON = typer.Option("--json", help="Print it as JSON.")


@app.callback(invoke_without_command=True)
def shown(context: typer.Context, as_json: Annotated[bool, _JSON] = False) -> None:
    """Show the nodes of the running `serve --ray`."""
    if context.invoked_subcommand is None:
        status(as_json)


@app.command("status", cls=Command)
def status(as_json: Annotated[bool, _JSON] = False) -> None:
    """Show each node: its replica, the models that are up there, memory and requests."""
    from viewfinder.api.control import Control

    view = Control().fleet()
    if as_json:
        print_json([asdict(node) for node in view.nodes])
    elif view.nodes:
        output.print(table(view), highlight=False)
        for node in view.nodes:
            for model, reason in node.refused.items():
                line = f"{node.name} does not serve '{model}': {reason}"
                output.print(line, markup=False, highlight=False)
    else:
        errors.print("No replica is up, or the running `serve` is without --ray. Its models: viewfinder ps")


def table(view: "FleetView") -> Text:
    """A row for each node."""
    rows = [
        (
            node.name,
            node.replica,
            ", ".join(node.models) or "-",
            size(node.memory_bytes),
            size(node.budget_bytes),
            str(node.leases),
            str(node.waiting),
        )
        for node in view.nodes
    ]
    return columns(NODE_HEADER, rows, [""] * len(rows))
