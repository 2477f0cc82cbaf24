"""`viewfinder doctor`: what works here, what does not, and the one line that mends it."""

from dataclasses import asdict
from typing import Annotated

import typer

from viewfinder.cli.console import errors, output, print_json

STATE_COLORS = {"good": "green", "note": "yellow", "fix": "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at engines, processor, graphics, memory, disks, hub and port; exit 1 when something is broken."""
    from viewfinder.api.doctor import check_all

    with errors.status("Looking around ..."):
        findings = check_all()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            output.print(f"[{STATE_COLORS[finding.state]}]{finding.state:4}[/]", end="  ")
            output.print(f"{finding.about}: {finding.says}", markup=False, highlight=False)
            if finding.command:
                output.print(f"      {finding.command}", markup=False, highlight=False, style="bold")
    if any(finding.state == "fix" for finding in findings):
        raise typer.Exit(1)
