"""What is to be sorted, into what, and how sure; called by `run` and `viewfinder sort`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from viewfinder.api.decision import check_choices
from viewfinder.core.errors import BadRequest
from viewfinder.core.terminal import harmless

SORT_QUESTION = "What does the picture show?"
UNSURE = "unsure"
"""The folder of the pictures whose answer is not sure enough."""
_MOST_NAME_BYTES = 200
_BESIDE = "-sorted"


@dataclass(frozen=True, slots=True)
class SortPlan:
    """Made by `sort_plan`. `choices` are the answers, each with a description, which may be empty.

    `sure` is the least probability (0 to 1) of an answer that counts; None: the likeliest counts. `to` is
    None where only a table is wanted.
    """

    folder: Path
    choices: Mapping[str, str]
    question: str
    sure: float | None
    uncalibrated: bool
    to: Path | None
    move: bool


def sort_plan(
    folder: str | os.PathLike[str],
    into: Sequence[str] | Mapping[str, str],
    *,
    question: str = SORT_QUESTION,
    sure: float | None = None,
    uncalibrated: bool = False,
    to: str | os.PathLike[str] | None = None,
    move: bool = False,
    only_table: bool = False,
) -> SortPlan:
    """Check everything that can be checked without a model. Raises BadRequest."""
    source = Path(folder)
    _require_folder(source)
    choices = dict(into) if isinstance(into, Mapping) else dict.fromkeys(into, "")
    if len(choices) < 2 or len(choices) < len(into):
        raise BadRequest(
            "Pictures are sorted into two different answers or more.",
            hint='For example: --into "cats,dogs,other"',
            param="into",
        )
    check_choices([*choices])
    for choice in choices:
        _require_folder_name(choice)
    if not question.strip():
        raise BadRequest("The question has no words.", param="question")
    if sure is not None and not 0.5 <= sure < 1:
        raise BadRequest(
            f"No answer can be sure to {sure * 100:g} %.",
            hint="--sure 95% sorts those of which at most 5 % are wrong; it is at least 50%, and below 100%.",
            param="sure",
        )
    if only_table and (move or to is not None):
        raise BadRequest(
            "--csv writes a table, and copies and moves nothing.",
            hint=f"Leave out {'--move' if move else '--to'}, or --csv.",
            param="csv",
        )
    wanted = None if only_table else _beside(source) if to is None else Path(to)
    return SortPlan(source, choices, question, sure, uncalibrated, wanted, move)


def _require_folder(folder: Path) -> None:
    shown = harmless(str(folder))
    try:
        is_folder, exists = folder.is_dir(), folder.exists()
    except (OSError, ValueError):  # a name that no file can have
        is_folder = exists = False
    if exists and not is_folder:
        raise BadRequest(
            f"{shown} is a file, not a folder.",
            hint='For one picture: viewfinder decide MODEL PICTURE "Which?" --choices A,B',
            param="folder",
            code="not_a_folder",
        )
    if not is_folder:
        raise BadRequest(
            f"There is no folder {shown}.", hint="Check the path.", param="folder", code="no_folder"
        )
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise BadRequest(
            f"The folder {shown} cannot be read: {error.strerror}.", param="folder", code="file_unreadable"
        ) from None


def _require_folder_name(choice: str) -> None:
    """Raise BadRequest for an answer after which no folder can be named."""
    is_name = (
        choice == choice.strip()
        and choice.isprintable()
        and not choice.startswith(".")
        and not {"/", "\\"} & {*choice}
        and len(os.fsencode(choice)) <= _MOST_NAME_BYTES
    )
    if not is_name:
        raise BadRequest(
            f"'{harmless(choice[:80])}' cannot be the name of a folder.",
            hint="Use plain words for --into, and explain them with --describe.",
            param="into",
        )
    if choice.casefold() == UNSURE:
        raise BadRequest(
            f"'{choice}' is the folder of those that the model is not sure of.",
            hint="Use another word, such as other.",
            param="into",
        )


def _beside(folder: Path) -> Path:
    """The folder beside it that is sorted into."""
    if folder.name not in ("", ".."):
        return folder.with_name(folder.name + _BESIDE)
    real = folder.resolve()
    if not real.name:
        raise BadRequest(
            "Nothing lies beside the root of a disk.", hint="Name a folder to sort into: --to DIR", param="to"
        )
    return real.with_name(real.name + _BESIDE)
