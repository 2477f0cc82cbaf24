"""`viewfinder load`, `stop`, `pin` and `unpin`: what a person tells the running `serve`."""

from typing import Annotated

import typer

from viewfinder.cli.console import errors, output

MODEL_ARGUMENT = typer.Argument(metavar="MODEL", help="A model's name or id.")


def load(
    model: Annotated[str, MODEL_ARGUMENT],
    pinned: Annotated[bool, typer.Option("--pin", help="Never unload it to make room.")] = False,
) -> None:
    """Load a model now, also one that failed; ends when it is up."""
    from viewfinder.api.control import Control

    control = Control()
    with errors.status(f"Loading {model} ..."):
        name = control.load(model)
    if pinned:
        control.pin(name)
    _say(f"{name} is up{' and pinned' if pinned else ''}.")


def stop(model: Annotated[str, MODEL_ARGUMENT]) -> None:
    """Unload a model; requests in progress end first, and the next one loads it again."""
    from viewfinder.api.control import Control

    control = Control()
    with errors.status(f"Unloading {model} ..."):
        name = control.unload(model)
    _say(f"{name} is not up any more.")


def pin(model: Annotated[str, MODEL_ARGUMENT]) -> None:
    """Keep a model: it is never unloaded to make room."""
    from viewfinder.api.control import Control

    _say(f"{Control().pin(model)} is pinned.")


def unpin(model: Annotated[str, MODEL_ARGUMENT]) -> None:
    """Let a model be unloaded again to make room."""
    from viewfinder.api.control import Control

    _say(f"{Control().pin(model, False)} is not pinned any more.")


def _say(words: str) -> None:
    output.print(words, markup=False, highlight=False)
