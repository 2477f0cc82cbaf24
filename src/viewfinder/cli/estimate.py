"""`viewfinder estimate MODEL [IMAGE...] [QUESTION]`: what it will take here, before it is asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from viewfinder.cli.console import print_json, say
from viewfinder.cli.shared_options import ANY_MODEL

ANY_QUESTION = "What is this?"
ESTIMATE_ROWS = {
    "image_tokens": ("image tokens", "", 1.0),
    "first_token_s": ("first token", " s", 1.0),
    "whole_s": ("whole answer", " s", 1.0),
    "load_s": ("load before", " s", 1.0),
    "peak_memory_bytes": ("peak memory", " GB", 1e-9),
}
"""Name in the estimate > how it is called, its unit, and the factor to that."""


def estimate(
    model: Annotated[str, ANY_MODEL],
    parts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGE...] [QUESTION]", help="Image files, then the question, if any."),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="The most tokens in the answer. Default: a word or two.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the estimate as JSON.")] = False,
) -> None:
    """Say what a question will take here, before it is asked: tokens, seconds, memory."""
    given = list(parts or ())
    if not given or Path(given[-1]).is_file():
        given.append(ANY_QUESTION)
    from viewfinder.api.model import estimate as estimated
    from viewfinder.api.question import check_question

    check_question(given)
    found = estimated(model, *given, max_tokens=max_tokens)
    if as_json:
        print_json(found)
        return
    images = "1 image" if found["images"] == 1 else f"{found['images']} images"
    say(f"{found['model']} ({found['variant']}), {images}\n")
    for name, (title, unit, factor) in ESTIMATE_ROWS.items():
        say(f"{title:14}{_shown(found[name], unit, factor)}\n")
    if found["image_budget"]:
        say(f"{'image budget':14}{found['image_budget']}\n")


def _shown(number: Mapping[str, Any], unit: str, factor: float) -> str:
    """`0.13 s (0.08 to 0.32)`, or why it is not known and what measures it."""
    if number["value"] is None:
        how = f" (run: {number['command']})" if number["command"] else ""
        return f"not measured: {number['reason']}{how}"
    value, low, high = (f"{number[name] * factor:.3g}" for name in ("value", "low", "high"))
    return f"{value}{unit}" + (f" ({low} to {high})" if low != high else "")
