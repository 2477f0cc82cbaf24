"""`viewfinder rm MODEL...`: free the disk of what `pull` downloaded."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from viewfinder.cli.console import errors, output, size
from viewfinder.core.errors import BadRequest

if TYPE_CHECKING:
    from viewfinder.catalog.removal import Removal


def rm(
    names: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Names from `viewfinder models`, or hf:owner/name."),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> None:
    """Remove the files that `viewfinder pull` downloaded for models; those of other programs stay."""
    from viewfinder.api.removing import removals, remove

    found = [one for name in names for one in removals(name)]
    for one in found:
        if one.kept:
            _say(f"{one.repo}: {len(one.kept)} files stay: they were not downloaded by this Viewfinder.")
    found = [one for one in found if one.paths]
    if not found:
        _say("Nothing to remove: Viewfinder downloaded no files of this.")
        return
    if not yes:
        _ask(found)
    output.print(f"Removed: {size(remove(found))} are free again.", markup=False, highlight=False)


def _ask(found: "list[Removal]") -> None:
    """Raises BadRequest without a terminal, and Exit for a no."""
    for one in found:
        number = sum(map(len, one.paths.values()))
        _say(f"{one.repo}: {number} files, {size(one.size_bytes)}")
    if not sys.stdin.isatty():
        raise BadRequest("Without a terminal nobody can be asked.", hint="Add --yes to remove them.")
    if not typer.confirm("Remove them now?", err=True):
        raise typer.Exit(1)


def _say(text: str) -> None:
    errors.print(text, markup=False, highlight=False)
