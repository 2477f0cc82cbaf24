"""`viewfinder ask MODEL [IMAGE...] QUESTION`: one answer, streamed; or one about each of many pictures."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

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
    from viewfinder.api.streamed import StreamedAnswer

MOST_SHOWN = 20
"""Boxes and points that are shown below an answer."""


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
    draw: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the picture with the boxes and points of the answer (docs/boxes.md)."
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
    from viewfinder.api.question import check_question, with_options

    check_question(parts)  # before a model takes its time to load, and all that it needs
    images, asked = parts[:-1], with_options(parts, frames, choose)
    _require_images(images, out)
    if draw is not None:
        from viewfinder.api.marked import check_drawing

        check_drawing(images, draw)
    ready = partial(loaded_model, model, variant=variant, mmproj=mmproj, agreed=yes)
    if out is not None or any(Path(image).is_dir() for image in images):
        limits = {"max_tokens": max_tokens, "temperature": temperature}
        ask_each(model, parts, ready, limits, out=out, as_json=as_json)
        return
    with ready() as loaded:
        limits = {"max_tokens": max_tokens, "temperature": temperature}
        boxes = _answer(loaded, model, parts, asked, limits, as_json=as_json)
    if draw is not None:
        _draw(Path(images[0]), boxes, draw)


def _answer(
    loaded: "Model",
    model: str,
    parts: list[str],
    asked: "list[AskPart]",
    limits: dict[str, Any],
    *,
    as_json: bool,
) -> list[dict[str, Any]]:
    """Ask about all images together, and show the answer as it arrives; `model` as it was typed. Returns the
    boxes and points in it."""
    from viewfinder.api.question import question_of

    answer = loaded.answer_to([question_of(asked)], **limits)
    if as_json:
        words, why = "".join(answer), loaded.why(answer)
        chosen = {"answered_by": answer.model, "chosen_because": why} if why else {}
        of = {"model": model, **chosen, "images": parts[:-1], "question": parts[-1]}
        placed = {"boxes": answer.boxes} if answer.boxes or answer.not_placed else {}
        placed |= {"not_placed": answer.not_placed} if answer.not_placed else {}
        print_json({**of, "answer": words, **placed})
        return answer.boxes
    show_limits(model)
    for word in answer:
        say(word)
    say("\n")
    if why := loaded.why(answer):
        _aside(f"Answered by {answer.model}: {why}")
    _show_places(answer)
    return answer.boxes


def _show_places(answer: "StreamedAnswer") -> None:
    """The coordinates of an answer in pixels, a dim line each."""
    for box in answer.boxes[:MOST_SHOWN]:
        kind = "box" if "box" in box else "point"
        numbers = ", ".join(f"{one:g}" for one in box[kind])
        label = " ".join(box.get("label", "").split())
        _aside(f"{kind} {numbers} px of picture {box['image'] + 1} {label}".rstrip())
    if len(answer.boxes) > MOST_SHOWN:
        _aside(f"and {len(answer.boxes) - MOST_SHOWN} more: --json tells them all")
    for why in dict.fromkeys(left["why"] for left in answer.not_placed):
        _aside(f"Coordinates in the answer were not placed: {why}.")


def _draw(picture: Path, boxes: list[dict[str, Any]], out: Path) -> None:
    from viewfinder.api.marked import draw_boxes

    if not boxes:
        _aside(f"Nothing was drawn, and {out} was not written: the answer has no boxes or points.")
        return
    draw_boxes(picture, boxes, out)
    _aside(f"Drawn: {out}")


def _aside(text: str) -> None:
    errors.print(text, style="dim", markup=False, highlight=False)


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
