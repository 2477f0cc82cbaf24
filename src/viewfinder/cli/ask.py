"""`viewfinder ask MODEL [IMAGE...] QUESTION`: one answer, streamed; or one about each of many pictures."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from viewfinder.cli import interrupts
from viewfinder.cli.console import errors, print_json, say
from viewfinder.cli.each_picture import ask_each
from viewfinder.cli.pull import AGREED, loaded_model
from viewfinder.cli.shared_options import (
    ANY_MODEL,
    CHOOSE,
    FRAMES,
    MMPROJ,
    ONE_VARIANT,
    PICTURES_AND_QUESTION,
    TEMPERATURE,
)
from viewfinder.core.errors import BadRequest

if TYPE_CHECKING:
    from viewfinder.api.model import Model
    from viewfinder.api.question import AskPart


def ask(
    model: Annotated[str, ANY_MODEL],
    parts: Annotated[list[str] | None, PICTURES_AND_QUESTION] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Ask about each image alone; write a line of JSON for each. The same command resumes it.",
        ),
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="The most tokens in the answer.")] = 256,
    temperature: Annotated[float, TEMPERATURE] = 0.0,
    frames: Annotated[int | None, FRAMES] = None,
    choose: Annotated[Literal["time", "change"], CHOOSE] = "time",
    variant: Annotated[str | None, ONE_VARIANT] = None,
    mmproj: Annotated[Path | None, MMPROJ] = None,
    yes: Annotated[bool, AGREED] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Ask a model a question, with or without images."""
    if not parts:
        raise BadRequest(
            "The question is missing.",
            hint=f'Write: viewfinder ask {model} "What is this?" For a conversation: viewfinder chat {model}',
        )
    with interrupts.Importing():
        from viewfinder.api.question import check_question, with_options

    check_question(parts)  # before a model takes its time to load, and all that it needs
    images, asked = parts[:-1], with_options(parts, frames, choose)
    _require_images(images, out)
    ready = partial(loaded_model, model, variant=variant, mmproj=mmproj, agreed=yes)
    if out is not None or any(Path(image).is_dir() for image in images):
        limits = {"max_tokens": max_tokens, "temperature": temperature}
        ask_each(model, parts, ready, limits, out=out, as_json=as_json)
        return
    with ready() as loaded:
        limits = {"max_tokens": max_tokens, "temperature": temperature}
        _answer(loaded, model, parts, asked, limits, as_json=as_json)


def _answer(
    loaded: "Model",
    model: str,
    parts: list[str],
    asked: "list[AskPart]",
    limits: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Ask about all images together, and show the answer as it arrives; `model` as it was typed."""
    from viewfinder.api.question import question_of

    answer = loaded.answer_to([question_of(asked)], **limits)
    if as_json:
        words, why = "".join(answer), loaded.why(answer)
        chosen = {"answered_by": answer.model, "chosen_because": why} if why else {}
        of = {"model": model, **chosen, "images": parts[:-1], "question": parts[-1]}
        print_json({**of, "answer": words})
        return
    show_limits(model)
    for word in answer:
        say(word)
    say("\n")
    if why := loaded.why(answer):
        errors.print(f"Answered by {answer.model}: {why}", style="dim", markup=False, highlight=False)


def _require_images(images: list[str], out: Path | None) -> None:
    if out is not None and not images:
        raise BadRequest(
            "--out is for the answers about images.",
            hint='For example: viewfinder ask MODEL FOLDER "What is this?" --out answers.jsonl',
            param="out",
        )


def show_limits(model: str) -> None:
    """One dim line on what a model does not know."""
    from viewfinder.api.models import limits_note

    if note := limits_note(model):
        errors.print(note, style="dim", markup=False, highlight=False)
