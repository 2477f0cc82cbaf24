"""`viewfinder doctor`: what works on this computer, what does not, and what is worth doing about it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import errors, output, print_json

if TYPE_CHECKING:
    from viewfinder.api.worth_doing import WorthDoing

STATE_COLORS = {"good": "green", "note": "yellow", "fix": "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check engines, processor, graphics, memory, disks, hub and port; exit 1 when something is broken."""
    from viewfinder.api.doctor import check_all
    from viewfinder.api.worth_doing import worth_doing

    with errors.status("Checking ..."):
        checks = check_all()
    steps = worth_doing(checks)
    if as_json:
        print_json(
            {"checks": [asdict(check) for check in checks], "worth_doing": [asdict(step) for step in steps]}
        )
    else:
        for check in checks:
            output.print(Text(f"{check.state:4}", style=STATE_COLORS[check.state]), end="  ")
            output.print(f"{check.about}: {check.says}", markup=False, highlight=False)
            if check.command:
                output.print(f"      {check.command}", markup=False, highlight=False, style="bold")
        _say_steps(steps)
    if any(check.state == "fix" for check in checks):
        raise typer.Exit(1)


def _say_steps(steps: "list[WorthDoing]") -> None:
    output.print("")
    if not steps:
        output.print("Nothing is worth doing: all that is here is used.", highlight=False)
        return
    output.print("Worth doing, the most useful first:", style="bold", highlight=False)
    for number, one in enumerate(steps, 1):
        output.print(f"{number}. {one.step}", markup=False, highlight=False)
        if one.command:
            output.print(f"      {one.command}", markup=False, highlight=False, style="bold")
