"""`viewfinder load`, `stop`, `pin` and `unpin`: control of the running `serve`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import errors, output

if TYPE_CHECKING:
    from viewfinder.api.control import Control

MODEL_ARGUMENT = typer.Argument(metavar="MODEL", help="A model's name or id.")


def load(
    model: Annotated[str, MODEL_ARGUMENT],
    pinned: Annotated[bool, typer.Option("--pin", help="Never unload it to make room.")] = False,
) -> None:
    """Load a model now, also one that was given up, and wait until it is up."""
    from viewfinder.api.control import Control

    control = Control()
    with errors.status(Text(f"Loading {model} ...")):
        name = _loaded(control, model)
    if pinned:
        control.pin(name)
    _print(f"{name} is up{' and pinned' if pinned else ''}.")


def _loaded(control: "Control", model: str) -> str:
    """Load it; of a file or folder, whose path no request may name, say how `serve` gets to know it."""
    from viewfinder.core.errors import BadRequest

    try:
        return control.load(model)
    except BadRequest as refusal:
        if refusal.reason != "model_not_found" or not Path(model).exists():
            raise
        raise BadRequest(
            f"The running `viewfinder serve` does not know {model}.",
            hint=f"Start it with `viewfinder serve {shlex.quote(model)}`, or list it under [models] in "
            "viewfinder.toml.",
            code=refusal.reason,
        ) from None


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
