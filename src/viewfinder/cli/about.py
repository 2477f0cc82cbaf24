"""`viewfinder version` and `viewfinder help [COMMAND]`: what others call `--version` and `--help`."""

from typing import Annotated, Any

import typer

from viewfinder.cli.console import say
from viewfinder.core.errors import BadRequest


def version() -> None:
    """Show the version."""
    from viewfinder.core.version import VERSION

    say(f"viewfinder {VERSION}\n")


def help_page(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]", help="For example: bench, or results rm.")
    ] = None,
) -> None:
    """Show this page, or that of a command."""
    shown: Any = context.find_root()
    for name in command or ():
        if not hasattr(shown.command, "resolve_command"):
            raise BadRequest(
                f"'{shown.info_name}' has no commands.", hint=f"Its page: viewfinder help {shown.info_name}"
            )
        _, found, _ = shown.command.resolve_command(shown, [name])
        shown = typer.Context(found, parent=shown, info_name=name)
    say(f"{shown.get_help()}\n")
