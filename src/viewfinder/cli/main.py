"""The table of commands, and how their errors are shown; the entry point `viewfinder`."""

import logging
import sys
from typing import Annotated

import typer

from viewfinder.cli import (
    ask,
    bench,
    control,
    demo,
    doctor,
    export,
    guide,
    logs,
    models,
    ps,
    pull,
    results,
    serve,
    suspects,
)
from viewfinder.cli.console import errors
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.version import VERSION

app = typer.Typer(
    name="viewfinder",
    help="Run local vision-language models behind one OpenAI-compatible API, and measure them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("ask")(ask.ask)
app.command("serve")(serve.serve)
app.command("ps")(ps.ps)
app.command("load")(control.load)
app.command("stop")(control.stop)
app.command("pin")(control.pin)
app.command("unpin")(control.unpin)
app.command("logs")(logs.logs)
app.command("events")(logs.events)
app.command("suspects")(suspects.suspects)
app.command("models")(models.models)
app.command("pull")(pull.pull)
app.command("bench")(bench.bench)
app.command("guide")(guide.guide)
app.add_typer(results.app, name="results")
app.command("export")(export.export)
app.command("doctor")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"viewfinder {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print more on stderr.")] = False,
) -> None:
    """Options of all commands."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )


def main() -> None:
    """Run a command; exits with 0 good, 1 the work failed, 2 invalid usage, 3 another instance is running."""
    try:
        app()
    except ViewfinderError as error:
        errors.print(f"[bold red]error[/] [dim]({error.reason})[/]", end=" ")
        errors.print(error.message, markup=False, highlight=False)
        if error.hint:
            errors.print(error.hint, markup=False, highlight=False)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.strerror is None:
            raise  # not an error of the system about a file or a socket
        where = f"{error.filename}: " if error.filename else ""
        errors.print("[bold red]error[/] [dim](system)[/]", end=" ")
        errors.print(f"{where}{error.strerror}.", markup=False, highlight=False)
        errors.print("Set VIEWFINDER_HOME to a folder with free space that you may write to.")
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        sys.exit(130)
