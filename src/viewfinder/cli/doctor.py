"""`viewfinder doctor`: what works on this computer, what does not, and the command that fixes it."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import errors, output, print_json

STATE_COLORS = {"good": "green", "note": "yellow", "fix": "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check engines, processor, graphics, memory, disks, hub and port; exit 1 when something is broken."""
    from viewfinder.api.doctor import check_all

    with errors.status("Checking ..."):
        checks = check_all()
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            output.print(Text(f"{check.state:4}", style=STATE_COLORS[check.state]), end="  ")
            output.print(f"{check.about}: {check.says}", markup=False, highlight=False)
            if check.command:
                output.print(f"      {check.command}", markup=False, highlight=False, style="bold")
    if any(check.state == "fix" for check in checks):
        raise typer.Exit(1)
