"""`viewfinder results [show | rm]`: what is stored of earlier runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from viewfinder.cli.bench import as_printed
from viewfinder.cli.commands import Command
from viewfinder.cli.console import columns, errors, output, print_json, size

if TYPE_CHECKING:
    from viewfinder.measure.store.store import StoredModel

app = typer.Typer(help="List, show or remove stored results.", add_completion=False, rich_markup_mode=None)
RUN_HELP = "As `viewfinder results` lists it"
RUN = typer.Argument(metavar="RUN...", help=f"{RUN_HELP}.")


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List what is stored, the newest run first; `show` prints one result, `rm` removes runs."""
    from viewfinder.api.stored import stored_models

    if context.invoked_subcommand is not None:
        return
    lines = stored_models()
    if as_json:
        print_json([line._asdict() for line in lines])
    elif lines:
        _print(lines)
    else:
        errors.print("Nothing is stored yet. Run: viewfinder bench")


@app.command("show", cls=Command)
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help=f"{RUN_HELP}; its first letters are enough.")],
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="Needed if the run has several.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Print one result with all of its figures."""
    from viewfinder.api.stored import stored_result
    from viewfinder.report.formats.markdown import write_model
    from viewfinder.report.sections import section

    result = stored_result(run, model)
    if as_json:
        print_json(as_printed(result))
    else:
        is_ready = result.status == "production ready"
        output.print(write_model(section(result, "model", is_ready=is_ready)), markup=False, highlight=False)


@app.command("rm", cls=Command)
def rm(
    runs: Annotated[list[str], RUN],
    model: Annotated[str, typer.Option(help="Remove only this model of them.")] = "",
) -> None:
    """Remove runs with every sample of theirs; the guide no longer has them."""
    from viewfinder.api.stored import remove

    removed = remove(runs, model)
    _print(removed)
    errors.print(f"Removed {len(removed)}: {size(sum(line.size_bytes for line in removed))}.", markup=False)


def _print(lines: "list[StoredModel]") -> None:
    rows = [
        (
            one.run,
            one.started_at[:16],
            one.model,
            one.variant or "",
            one.suite,
            one.status,
            size(one.size_bytes),
        )
        for one in lines
    ]
    header = ("run", "when (UTC)", "model", "variant", "suite", "status", "size")
    output.print(columns(header, rows, ("" for _ in rows)))
