"""The options of all commands, and how errors are shown; called by the entry point `viewfinder`."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from viewfinder.cli import interrupts, streams
from viewfinder.cli.commands import CommandGroup

app = typer.Typer(
    name="viewfinder",
    cls=CommandGroup,
    help="Run local vision-language models behind one OpenAI-compatible API, and measure them.",
    epilog="Complete names with the tab key: viewfinder --install-completion",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from viewfinder.core.version import VERSION

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
    import logging

    from viewfinder.cli.console import PlainFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    if config is not None:
        from viewfinder.core.settings_files import CONFIG_VARIABLE

        os.environ[CONFIG_VARIABLE] = str(config.absolute())


def main() -> None:
    """Run a command; exits with 0 good, 1 the work failed, 2 invalid usage, 3 another instance is running,
    130 interrupted, 141 nobody reads the output."""
    streams.prepare()
    try:
        code = _outcome()
    except KeyboardInterrupt:  # between the work and what is said of it
        code = _show_interrupt()
    sys.exit(code)


def _outcome() -> int:
    try:
        code = _run()
        sys.stdout.flush()  # while its errors are still ours to report
    except (KeyboardInterrupt, interrupts.Interrupted, typer.Abort):
        return _show_interrupt()
    except BrokenPipeError:  # nobody reads what we print; other pipes' errors never come here as they are
        streams.abandon()
        return streams.PIPE_CLOSED
    except Exception as error:
        return _show_interrupt() if interrupts.is_behind(error) else _show(error)
    return code


def _run() -> int:
    """Run the command that was typed, and return its exit code."""
    try:
        code = app(prog_name="viewfinder", standalone_mode=False)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None  # typer makes it a plain 1
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        interrupts.after_work()
    return code if isinstance(code, int) else 0


def _show_interrupt() -> int:
    interrupts.after_work()  # one more would only cut this short
    with contextlib.suppress(OSError):
        os.write(2, b"Interrupted.\n")
    return interrupts.EXIT_CODE


def _show(error: Exception) -> int:
    from rich.text import Text

    from viewfinder.cli.console import errors
    from viewfinder.cli.failures import failure_of

    shown = failure_of(error)
    with contextlib.suppress(OSError):  # nobody reads it
        errors.print(Text.assemble(("error", "bold red"), " ", (f"({shown.code})", "dim")), end=" ")
        errors.print(shown.message, markup=False, highlight=False)
        if shown.hint:
            errors.print(shown.hint, markup=False, highlight=False)
    import logging

    logging.getLogger(__name__).info("The details", exc_info=error)
    return shown.exit_code
