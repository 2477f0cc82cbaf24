"""`viewfinder load`, `stop`, `pin` and `unpin`: control of the running `serve`."""

from typing import Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import errors, output

MODEL_ARGUMENT = typer.Argument(metavar="MODEL", help="A model's name or id.")


def load(
    model: Annotated[str, MODEL_ARGUMENT],
    pinned: Annotated[bool, typer.Option("--pin", help="Never unload it to make room.")] = False,
) -> None:
    """Load a model now, also one that was given up, and wait until it is up."""
    from viewfinder.api.control import Control

    control = Control()
    with errors.status(Text(f"Loading {model} ...")):
        name = control.load(model)
    if pinned:
        control.pin(name)
    _print(f"{name} is up{' and pinned' if pinned else ''}.")


def stop(model: Annotated[str, MODEL_ARGUMENT]) -> None:
    """Unload a model once its requests in progress are done; the next request loads it again."""
    from viewfinder.api.control import Control

    control = Control()
    with errors.status(Text(f"Unloading {model} ...")):
        name = control.unload(model)
    _print(f"{name} is unloaded.")


def pin(model: Annotated[str, MODEL_ARGUMENT]) -> None:
    """Keep a model loaded: it is never unloaded to make room."""
    from viewfinder.api.control import Control

    _print(f"{Control().pin(model)} is pinned.")


def unpin(model: Annotated[str, MODEL_ARGUMENT]) -> None:
    """Allow a model to be unloaded to make room."""
    from viewfinder.api.control import Control

    _print(f"{Control().pin(model, False)} is no longer pinned.")


def _print(text: str) -> None:
    output.print(text, markup=False, highlight=False)
