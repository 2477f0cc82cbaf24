"""`viewfinder keys [add | rm]`: named API keys of the gateway."""

from typing import Annotated

import typer

from viewfinder.cli.commands import Command
from viewfinder.cli.console import columns, errors, output, print_json, say

app = typer.Typer(
    help="List, add or remove API keys of the gateway.", add_completion=False, rich_markup_mode=None
)
_NAME = typer.Argument(metavar="NAME", help="Whose key it is; metrics count by it.")


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the names of the keys; the keys themselves are not stored."""
    from viewfinder.api.keys import all_keys

    if context.invoked_subcommand is not None:
        return
    keys = all_keys()
    if as_json:
        print_json([{"name": one.name, "created_at": one.created_at, "admin": one.admin} for one in keys])
    elif keys:
        rows = [(one.name, one.created_at[:16], "admin" if one.admin else "ask") for one in keys]
        output.print(columns(("name", "added", "may"), rows, [""] * len(keys)))
    else:
        errors.print("There are no keys. Add one: viewfinder keys add NAME")


@app.command("add", cls=Command)
def add(
    name: Annotated[str, _NAME],
    admin: Annotated[
        bool, typer.Option("--admin", help="It may also load and pull models, and measure: all of /fleet.")
    ] = False,
) -> None:
    """Make a key, and print it this once: only its hash is stored. From then on `serve` needs a key."""
    from viewfinder.api.keys import add_key

    say(f"{add_key(name, admin=admin)}\n")
    errors.print(
        "Keep it: it cannot be shown again. Clients send it as 'Authorization: Bearer KEY' or "
        "'x-api-key: KEY'.",
        markup=False,
        highlight=False,
    )


@app.command("rm", cls=Command)
def rm(name: Annotated[str, _NAME]) -> None:
    """Remove a key: it opens nothing any more, in a running `serve`, too."""
    from viewfinder.api.keys import remove_key

    remove_key(name)
    errors.print(f"Removed {name}.", markup=False)
