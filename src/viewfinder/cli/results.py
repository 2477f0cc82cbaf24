"""`viewfinder results [show | compare | rm]`: what is stored of earlier runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from viewfinder.cli.commands import Command
from viewfinder.cli.console import columns, errors, file_of, output, print_json, size, write_data

if TYPE_CHECKING:
    from viewfinder.measure.store.store import StoredModel

app = typer.Typer(
    help="List, show, compare or remove stored results.", add_completion=False, rich_markup_mode=None
)
RUN_HELP = "As `viewfinder results` lists it"
RUN = typer.Argument(metavar="RUN...", help=f"{RUN_HELP}.")


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List what is stored, the newest run first; `show` prints one result, `compare` compares two
    runs, `rm` removes them."""
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
    from viewfinder.api.printed import as_printed
    from viewfinder.api.stored import stored_result
    from viewfinder.report.formats.markdown import write_model
    from viewfinder.report.sections import section

    result = stored_result(run, model)
    if as_json:
        print_json(as_printed(result))
    else:
        is_ready = result.status == "production ready"
        output.print(write_model(section(result, "model", is_ready=is_ready)), markup=False, highlight=False)


@app.command("compare", cls=Command)
def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help=f"{RUN_HELP}; its first letters do.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The later run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write to this file, not to stdout (-).")
    ] = None,
) -> None:
    """Compare each model that two runs have both, figure by figure, by tests on their samples."""
    import json

    from viewfinder.api.comparing import compare_runs
    from viewfinder.report.formats.markdown import write_compared

    compared = compare_runs(before, after)
    fields = [one.model_dump(mode="json") for one in compared]
    text = json.dumps(fields, indent=2) if as_json else "\n".join(map(write_compared, compared))
    if (file := file_of(out)) is None:
        write_data(f"{text}\n")
    else:
        file.write_text(f"{text}\n", encoding="utf-8")
        errors.print(f"Wrote {file}", markup=False)


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
