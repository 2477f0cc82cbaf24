"""`viewfinder decide MODEL [IMAGE...] QUESTION`: yes or no, or a choice, with its probability."""

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viewfinder.cli.ask import show_limits
from viewfinder.cli.console import errors, print_json, say, write_data
from viewfinder.cli.pull import AGREED, loaded_model
from viewfinder.cli.shared_options import MMPROJ, ONE_VARIANT, PICTURES_AND_QUESTION
from viewfinder.core.errors import BadRequest, ViewfinderError

if TYPE_CHECKING:
    from viewfinder.api.decision import Decision
    from viewfinder.api.model import Model

OF_EVERY_PICTURE = ("no_logprobs", "not_calibrated", "ambiguous_answers", "vision_not_supported")
"""Refusals that every picture would get."""


def decide(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model's name or id, hf:owner/name, a file or folder, auto:best, or cascade:.",
        ),
    ],
    parts: Annotated[list[str] | None, PICTURES_AND_QUESTION] = None,
    choices: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C", help="The possible answers, with commas between; without it, yes or no."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Say `not sure` where no answer has this probability."),
    ] = None,
    variant: Annotated[str | None, ONE_VARIANT] = None,
    mmproj: Annotated[Path | None, MMPROJ] = None,
    yes: Annotated[bool, AGREED] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Answer yes or no, or one of several choices, with its probability."""
    if not parts:
        raise BadRequest(
            "The question is missing.", hint=f'Write: viewfinder decide {model} photo.jpg "Is it a cat?"'
        )
    named = _named(choices)
    from viewfinder.api.decision import check_choices
    from viewfinder.api.each_picture import pictures_of
    from viewfinder.api.question import check_question

    check_question(parts)
    check_choices(named)
    *images, question = parts
    each = any(Path(image).is_dir() for image in images)
    pictures = [[str(one)] for one in pictures_of(images)] if each else [images]
    asked = {"model": model, "question": question}
    failed = 0
    with loaded_model(model, variant=variant, mmproj=mmproj, agreed=yes) as loaded:
        if not as_json:
            show_limits(model)
        for shown, decision in _interruptible(_decided(loaded, pictures, question, named, threshold), each):
            if isinstance(decision, ViewfinderError):
                failed += _failed(shown, decision, each)
            elif as_json:
                told = {**asked, "images": shown, **asdict(decision)}
                print_line(told) if each else print_json(told)
            else:
                _show(f"{shown[0]}: " if each else "", decision)
    if failed:
        raise typer.Exit(1)


def _failed(shown: list[str], error: ViewfinderError, each: bool) -> int:
    """What is said of one picture of several; counts as one."""
    if not each:
        raise error
    errors.print(f"{shown[0]}: {error}", markup=False, highlight=False)
    return 1


def print_line(value: Mapping[str, Any]) -> None:
    """One line of JSON."""
    write_data(f"{json.dumps(value)}\n")
    sys.stdout.flush()


def _named(choices: str | None) -> list[str]:
    """The answers that were typed; empty: yes or no."""
    if choices is None:
        return []
    named = [choice.strip() for choice in choices.split(",") if choice.strip()]
    if len(named) < 2:
        raise BadRequest(
            "--choices needs two answers or more.",
            hint='For example: --choices "cats,dogs,other"',
            param="choices",
        )
    return named


def _decided(
    model: "Model", pictures: list[list[str]], question: str, named: list[str], threshold: float | None
) -> Iterator[tuple[list[str], "Decision | ViewfinderError"]]:
    """For each group of pictures, the decision or why there is none."""
    for shown in pictures:
        try:
            yield shown, model.decide(*shown, question, choices=named, threshold=threshold)
        except BadRequest as error:
            if error.reason in OF_EVERY_PICTURE:
                raise
            yield shown, error


def _interruptible(decided: Iterator[Any], each: bool) -> Iterator[Any]:
    """Those of a folder; an interrupt says how far it came."""
    done = 0
    try:
        for one in decided:
            yield one
            done += 1
    except KeyboardInterrupt:
        if not each:
            raise
        for number in (signal.SIGINT, signal.SIGTERM):  # one more would only cut these words short
            signal.signal(number, signal.SIG_IGN)
        errors.print(
            f"Interrupted after {done} answers, which are printed above.", markup=False, highlight=False
        )
        raise typer.Exit(130) from None


def _line(decision: "Decision") -> str:
    """The answer, and the next likely ones."""
    ranked = sorted(decision.probabilities.items(), key=lambda pair: -pair[1])
    others = ", ".join(f"{name} {share:.2f}" for name, share in ranked if name != decision.answer)[:200]
    said = f"{decision.answer} {decision.probability:.2f}"
    return f"{said} ({others})" if decision.is_sure else f"not sure: {said}, {others}"


def _show(before: str, decision: "Decision") -> None:
    """The answer, and a dim line for all that makes it worth less."""
    say(f"{before}{_line(decision)}\n")
    from viewfinder.api.decision import MISUNDERSTOOD

    doubts = []
    if decision.chosen_because:
        doubts.append(f"{decision.answered_by} answered: {decision.chosen_because}.")
    if decision.mass < MISUNDERSTOOD:
        share = f"{decision.mass:.1%}" if decision.mass >= 0.001 else "less than 0.1%"
        doubts.append(f"The model would say something else: these answers have {share} of its probability.")
    if decision.not_calibrated:
        doubts.append(f"A model's own probability: {decision.not_calibrated}.")
    for doubt in doubts:
        errors.print(doubt, style="dim", markup=False, highlight=False)
