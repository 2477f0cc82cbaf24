"""The table of commands, and how their errors are shown; the entry point `viewfinder`."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from viewfinder.cli import (
    ask,
    bench,
    control,
    demo,
    doctor,
    export,
    guide,
    keys,
    logs,
    models,
    ps,
    pull,
    results,
    serve,
    streams,
    suspects,
)
from viewfinder.cli.console import PlainFormatter, errors
from viewfinder.cli.failures import failure_of
from viewfinder.core.settings_files import CONFIG_VARIABLE
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
app.add_typer(keys.app, name="keys")
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
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the settings from this file, and from no other one."),
    ] = None,
) -> None:
    """Options of all commands."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config.absolute())


def main() -> None:
    """Run a command; exits with 0 good, 1 the work failed, 2 invalid usage, 3 another instance is running,
    130 interrupted, 141 nobody reads the output."""
    streams.prepare()
    sys.exit(_outcome())


def _outcome() -> int:
    try:
        code = _run()
        sys.stdout.flush()  # while its errors are still ours to report
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        return 130
    except BrokenPipeError:  # nobody reads what we print; other pipes' errors never come here as they are
        streams.abandon()
        return streams.PIPE_CLOSED
    except Exception as error:
        return _show(error)
    return code


def _run() -> int:
    """Run the command that was typed, and return its exit code."""
    try:
        app()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None  # typer makes it a plain 1
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _show(error: Exception) -> int:
    shown = failure_of(error)
    with contextlib.suppress(OSError):  # nobody reads it
        errors.print(Text.assemble(("error", "bold red"), " ", (f"({shown.code})", "dim")), end=" ")
        errors.print(shown.message, markup=False, highlight=False)
        if shown.hint:
            errors.print(shown.hint, markup=False, highlight=False)
    logging.getLogger(__name__).info("The details", exc_info=error)
    return shown.exit_code
