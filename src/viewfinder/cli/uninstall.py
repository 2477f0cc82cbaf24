"""`viewfinder uninstall`: remove what Viewfinder keeps on this disk, and say how to remove the package."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from viewfinder.cli.console import output, say, size
from viewfinder.core.errors import BadRequest

if TYPE_CHECKING:
    from viewfinder.api.uninstalling import Everything


def uninstall(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="List as JSON; removes only with --yes.")] = False,
) -> None:
    """Remove results, settings, logs and pulled models; what others keep in the same folders stays."""
    from viewfinder.api import uninstalling

    found = uninstalling.everything()
    if as_json:
        say(json.dumps(_as_json(found), indent=2) + "\n")
    else:
        _show(found)
    if dry_run or (as_json and not yes):
        return
    if not yes:
        if not sys.stdin.isatty():
            raise BadRequest("Without a terminal nobody can be asked.", hint="Add --yes, or --dry-run.")
        if not typer.confirm("Remove all of it now?", err=True):
            raise typer.Exit(1)
    uninstalling.uninstall(found)
    if not as_json:
        _print(f"Removed: {size(found.size_bytes)} are free again. Now the package: {found.package}")


def _show(found: "Everything") -> None:
    for path, size_bytes in found.entries.items():
        _print(f"{size(size_bytes):>10}  {path}")
    for model in found.models:
        _print(f"{size(model.size_bytes):>10}  {model.repo}, in the cache of the hub")
    if not (found.entries or found.models):
        _print("Viewfinder keeps nothing on this disk.")
    for path in found.stays:
        _print(f"{'stays':>10}  {path}")
    _print(f"The package itself: {found.package}")


def _as_json(found: "Everything") -> dict[str, object]:
    return {
        "remove": [{"path": str(path), "bytes": size_bytes} for path, size_bytes in found.entries.items()],
        "models": [{"repo": one.repo, "bytes": one.size_bytes} for one in found.models],
        "stays": [str(path) for path in found.stays],
        "package": found.package,
    }


def _print(text: str) -> None:
    output.print(text, markup=False, highlight=False, soft_wrap=True)
