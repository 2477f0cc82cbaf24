"""`ask` about many pictures, one by one: with a progress bar into a file, or on the screen."""

import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from viewfinder.cli.console import errors, file_of, say, write_data
from viewfinder.core.errors import ViewfinderError

if TYPE_CHECKING:
    from viewfinder.api.each_picture import AnswerFile, PictureAnswer
    from viewfinder.api.model import Model

Show = Callable[["PictureAnswer"], None]


@dataclass(slots=True)
class Counts:
    """How many pictures of a run were answered, were answered before, and failed."""

    answered: int = 0
    skipped: int = 0
    failed: int = 0

    def add(self, answer: "PictureAnswer") -> None:
        if answer.error:
            self.failed += 1
        else:
            self.answered += 1


def ask_each(
    model: str,
    parts: Sequence[str],
    loading: "Callable[[], Model]",
    limits: dict[str, Any],
    *,
    out: Path | None,
    as_json: bool,
) -> None:
    """Ask the last of the parts about each picture that the others name. Exits with 1 when some failed, and
    with 130, saying what is kept, when it is interrupted."""
    from viewfinder.api.each_picture import AnswerFile, answer_each, pictures_of

    *named, question = parts
    pictures = pictures_of(named)
    file = file_of(out)
    counts, kept = Counts(), None
    try:
        with nullcontext() if file is None else AnswerFile.open(file, question) as kept:
            left = [picture for picture in pictures if kept is None or not kept.has(picture, model)]
            counts.skipped = len(pictures) - len(left)
            if left:
                with (
                    loading() as loaded,
                    _shown(kept, len(pictures), counts, out is not None, as_json) as show,
                ):
                    for answer in answer_each(loaded, model, left, question, **limits):
                        show(answer)
                        counts.add(answer)
    except KeyboardInterrupt:
        for one in (signal.SIGINT, signal.SIGTERM):  # one more would only cut these words short
            signal.signal(one, signal.SIG_IGN)
        said = _interrupted(counts, file, 0 if kept is None else len(kept))
        errors.print(said, markup=False, highlight=False)
        raise typer.Exit(130) from None
    except ViewfinderError:
        if counts.answered or counts.failed:
            errors.print(f"Stopped: {_summary(counts, file)}", markup=False, highlight=False)
        raise
    if len(pictures) > 1 or file is not None:
        errors.print(_summary(counts, file), markup=False, highlight=False)
    if counts.failed:
        raise typer.Exit(1)


@contextmanager
def _shown(
    kept: "AnswerFile | None", total: int, counts: Counts, as_lines: bool, as_json: bool
) -> Iterator[Show]:
    """What becomes of each answer."""
    if kept is None:
        yield _print_line if as_lines or as_json else _print
        return
    with progress_bar() as bar:
        task = bar.add_task("", total=total, completed=counts.skipped)

        def keep(answer: "PictureAnswer") -> None:
            kept.add(answer)
            if answer.error:
                _print_error(answer)
            failures = counts.failed + bool(answer.error)
            failed = f", {failures} failed" if failures else ""
            bar.update(task, advance=1, description=f"{Path(answer.file).name}{failed}")

        yield keep


def progress_bar() -> Progress:
    """On a terminal; elsewhere nothing is shown."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def _print_line(answer: "PictureAnswer") -> None:
    write_data(f"{answer.line}\n")
    sys.stdout.flush()


def _print(answer: "PictureAnswer") -> None:
    if answer.error:
        _print_error(answer)
    else:
        say(f"{answer.file}: {answer.answer}\n")


def _print_error(answer: "PictureAnswer") -> None:
    errors.print(f"{answer.file}: {answer.error}", markup=False, highlight=False)


def _summary(counts: Counts, file: Path | None) -> str:
    skipped = f", {counts.skipped} skipped (answered before)" if counts.skipped else ""
    said = f"{counts.answered} answered{skipped}, {counts.failed} failed"
    if file is None:
        return f"{said}."
    again = " The same command asks those that failed again." if counts.failed else ""
    return f"{said}; the answers are in {file}.{again}"


def _interrupted(counts: Counts, file: Path | None, kept: int) -> str:
    if file is None:
        return f"Interrupted after {counts.answered} answers. With --out FILE.jsonl, they are kept."
    again = shlex.join(["viewfinder", *sys.argv[1:]])
    if not kept:
        return f"Interrupted before the first answer. Start again: {again}"
    return f"Interrupted. {kept} answers are kept in {file}. Resume: {again}"
