"""`viewfinder doctor`: what works here, what does not, and the one line that mends it."""

from dataclasses import asdict
from typing import Annotated

import typer

from viewfinder.cli.screen import errors, output, print_json

COLORS = {"good": "green", "note": "yellow", "mend": "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at engines, processor, graphics, memory, disks, hub and port; exit 1 when something is broken."""
    from viewfinder.api.doctor import examine

    with errors.status("Looking around ..."):
        findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            output.print(f"[{COLORS[finding.state]}]{finding.state}[/]", end="  ")
            output.print(f"{finding.about}: {finding.says}", markup=False, highlight=False)
            if finding.command:
                output.print(f"      {finding.command}", markup=False, highlight=False, style="bold")
    if any(finding.state == "mend" for finding in findings):
        raise typer.Exit(1)
