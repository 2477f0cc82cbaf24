"""`viewfinder ask MODEL [IMAGE...] QUESTION`: one answer, streamed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import errors, print_json, say
from viewfinder.cli.pull import AGREED, with_files
from viewfinder.cli.variant_option import MMPROJ

if TYPE_CHECKING:
    from viewfinder.api.model import Model


def ask(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's name or id, hf:owner/name, or a file or folder.")
    ],
    parts: Annotated[
        list[str], typer.Argument(metavar="[IMAGE...] QUESTION", help="Image files, then the question.")
    ],
    max_tokens: Annotated[int, typer.Option(min=1, help="The most tokens in the answer.")] = 256,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=2.0, help="0 always picks the likeliest word.")
    ] = 0.0,
    variant: Annotated[
        str | None, typer.Option(help="Use this variant of the model (see `viewfinder models MODEL`).")
    ] = None,
    mmproj: Annotated[Path | None, MMPROJ] = None,
    yes: Annotated[bool, AGREED] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Ask a model a question, with or without images."""
    from viewfinder.api.question import check_question

    check_question(parts)  # before a model takes its time to load, and all that it needs
    from viewfinder.api.model import load
    from viewfinder.api.models import limits_note

    def loading() -> "Model":
        with errors.status(Text(f"Loading {model} ...")):
            return load(model, variant=variant, mmproj=mmproj)

    with with_files(loading, agreed=yes) as loaded:
        words = loaded.stream(*parts, max_tokens=max_tokens, temperature=temperature)
        if as_json:
            print_json(
                {"model": model, "images": parts[:-1], "question": parts[-1], "answer": "".join(words)}
            )
            return
        if note := limits_note(model):
            errors.print(note, style="dim", markup=False, highlight=False)
        for word in words:
            say(word)
        say("\n")
