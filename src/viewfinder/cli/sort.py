"""`viewfinder sort [MODEL] FOLDER --into A,B`: a folder's pictures into folders, by what a model decides."""

import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from viewfinder.cli.ask import show_limits
from viewfinder.cli.console import SCREEN, errors, file_of, write_data
from viewfinder.cli.decide import print_line
from viewfinder.cli.each_picture import progress_bar
from viewfinder.cli.pull import AGREED, loaded_model
from viewfinder.cli.shared_options import MMPROJ, ONE_VARIANT
from viewfinder.core.errors import BadRequest, ViewfinderError

if TYPE_CHECKING:
    from viewfinder.api.model import Model
    from viewfinder.api.sorting.run import SortCounts, SortedPicture, Sorting
    from viewfinder.api.sorting.table import SortTable

ANSWERS_BY_ITSELF = "auto:best"


_PARTS = typer.Argument(
    metavar="[MODEL] FOLDER",
    help=f"The folder of the pictures; before it, the model that answers (default: {ANSWERS_BY_ITSELF}).",
)
_INTO = typer.Option(metavar="A,B,C", help="The answers, with commas between; each becomes a folder.")
_SURE = typer.Option(
    metavar="95%",
    help="Sort those of which at most 5% are wrong, by the model's calibration; the others go to `unsure`. "
    "Without it, the likeliest answer counts.",
)
_TO = typer.Option(metavar="DIR", help="Sort into this folder.", show_default="FOLDER-sorted")
_MOVE = typer.Option("--move", help="Move the pictures; without it, copy them.")
_CSV = typer.Option(metavar="FILE", help="Only write a table of the answers; copy nothing. -: on stdout.")
_QUESTION = typer.Option(
    metavar="TEXT", help="What is asked about each.", show_default="What does the picture show?"
)
_DESCRIBE = typer.Option(metavar="ANSWER=TEXT", help="What an answer means; once for each answer.")
_UNCALIBRATED = typer.Option(
    "--uncalibrated", help="For --sure, take the own probabilities of a model that is not calibrated."
)


def sort(
    parts: Annotated[list[str] | None, _PARTS] = None,
    into: Annotated[str | None, _INTO] = None,
    sure: Annotated[str | None, _SURE] = None,
    to: Annotated[Path | None, _TO] = None,
    move: Annotated[bool, _MOVE] = False,
    csv: Annotated[Path | None, _CSV] = None,
    question: Annotated[str | None, _QUESTION] = None,
    describe: Annotated[list[str] | None, _DESCRIBE] = None,
    uncalibrated: Annotated[bool, _UNCALIBRATED] = False,
    variant: Annotated[str | None, ONE_VARIANT] = None,
    mmproj: Annotated[Path | None, MMPROJ] = None,
    yes: Annotated[bool, AGREED] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each picture.")] = False,
) -> None:
    """Sort the pictures of a folder into folders, by what a model sees; nothing is moved without --move."""
    model, folder = _model_and_folder(parts or [])
    answers = _answers(folder, into, describe or ())
    from viewfinder.api.sorting.plan import SORT_QUESTION, sort_plan
    from viewfinder.api.sorting.run import Sorting

    plan = sort_plan(
        folder,
        answers,
        question=SORT_QUESTION if question is None else question,
        sure=None if sure is None else _share(sure),
        uncalibrated=uncalibrated,
        to=to,
        move=move,
        only_table=csv is not None,
    )
    if as_json and csv == SCREEN:
        raise BadRequest("--json and --csv - are both for stdout.", hint="Leave one out.", param="csv")
    sorting = Sorting(plan)
    _carry_out(
        sorting, partial(loaded_model, model, variant=variant, mmproj=mmproj, agreed=yes), csv, as_json
    )
    if not sorting.counts.total:
        _say(f"There are no pictures in {folder}.")
        return
    _say(_summary(sorting.counts, file_of(csv)))
    for note in _notes(sorting.counts, sure, plan.sure):
        errors.print(note, style="dim", markup=False, highlight=False)
    if sorting.counts.failed:
        raise typer.Exit(1)


def _carry_out(sorting: "Sorting", loading: "Callable[[], Model]", csv: Path | None, as_json: bool) -> None:
    """Sort, and say what is kept when it ends early."""
    from viewfinder.api.sorting.table import SortTable

    file = file_of(csv)
    try:
        with sorting, nullcontext() if file is None else SortTable.open(file) as table:
            if total := sorting.count():
                with loading() as loaded:
                    _say_who(sorting.begin(loaded), quiet=as_json)
                    with _shown(total, sorting.counts, table, csv == SCREEN, as_json) as show:
                        for picture in sorting.pictures():
                            show(picture)
            if table is not None:
                table.finish()
    except KeyboardInterrupt:
        for one in (signal.SIGINT, signal.SIGTERM):  # one more would only cut these words short
            signal.signal(one, signal.SIG_IGN)
        _say(_interrupted(sorting.counts))
        raise typer.Exit(130) from None
    except (ViewfinderError, OSError):
        if sorting.counts.sorted:
            _say(f"Stopped: {_summary(sorting.counts, None)} The same command resumes.")
        raise


def _model_and_folder(parts: Sequence[str]) -> tuple[str, str]:
    if not parts:
        raise BadRequest(
            "The folder is missing.", hint='Write: viewfinder sort FOLDER --into "cats,dogs,other"'
        )
    if len(parts) > 2:
        raise BadRequest(
            "One folder is sorted at a time.",
            hint='Write: viewfinder sort MODEL FOLDER --into "cats,dogs,other"; folders in it count, too.',
        )
    return (parts[0] if len(parts) == 2 else ANSWERS_BY_ITSELF), parts[-1]


def _answers(folder: str, into: str | None, describe: Sequence[str]) -> dict[str, str]:
    """Each answer with its description."""
    if into is None:
        raise BadRequest(
            "What the pictures are sorted into is missing.",
            hint=f'Write: viewfinder sort {shlex.quote(folder)} --into "cats,dogs,other"',
            param="into",
        )
    named = [answer.strip() for answer in into.split(",") if answer.strip()]
    answers = dict.fromkeys(named, "")
    if len(answers) < len(named):
        raise BadRequest("--into names an answer twice.", hint="Name each once.", param="into")
    for one in describe:
        answer, equals, means = one.partition("=")
        if not equals or answer.strip() not in answers:
            raise BadRequest(
                f"'{answer}' is no answer of --into.",
                hint='For example: --describe "cats=a cat is the main subject"',
                param="describe",
            )
        answers[answer.strip()] = means.strip()
    return answers


def _share(sure: str) -> float:
    """95%, 95 or 0.95."""
    try:
        value = float(sure.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not value > 0:
        raise BadRequest(f"'{sure}' is no share.", hint="For example: --sure 95%", param="sure")
    return value / 100 if sure.strip().endswith("%") or value > 1 else value


@contextmanager
def _shown(
    total: int, counts: "SortCounts", table: "SortTable | None", on_screen: bool, as_json: bool
) -> "Iterator[Callable[[SortedPicture], None]]":
    """What becomes of each picture: a row, a line, and the bar."""
    from viewfinder.api.sorting.table import TABLE_COLUMNS, csv_line, csv_row

    if on_screen:
        write_data(csv_line(TABLE_COLUMNS))
    with progress_bar() as bar:
        task = bar.add_task("", total=total)

        def show(picture: "SortedPicture") -> None:
            if table is not None:
                table.add(picture)
            if on_screen:
                write_data(csv_row(picture))
                sys.stdout.flush()
            if as_json:
                print_line({**asdict(picture), "model": counts.model, "variant": counts.variant})
            if picture.error:
                _say(f"{picture.file}: {picture.error}")
            failed = f", {counts.failed} failed" if counts.failed else ""
            name = Path(picture.file).name.replace("\n", "\\n")
            bar.update(task, advance=1, description=f"{name}{failed}")

        yield show


def _say(words: str) -> None:
    """On stderr; a name's line ends are spelled out, so that one picture is one line."""
    errors.print(words.replace("\n", "\\n"), markup=False, highlight=False)


def _say_who(counts: "SortCounts", *, quiet: bool) -> None:
    if quiet:
        return
    why = f" ({counts.why})" if counts.why else ""
    variant = f", variant {counts.variant}" if counts.variant else ""
    errors.print(f"{counts.model}{variant} answers{why}.", style="dim", markup=False, highlight=False)
    show_limits(counts.model)


def _summary(counts: "SortCounts", file: Path | None) -> str:
    sorted_into = ", ".join(f"{number} {name}" for name, number in counts.sorted.most_common())
    done = f"{counts.sorted.total()} sorted ({sorted_into})" if counts.sorted else "0 sorted"
    before = f", {counts.answered_before} of them answered before" if counts.answered_before else ""
    failed = f", {counts.failed} failed, left where they are" if counts.failed else ""
    where = f"; see {counts.to or file}" if counts.to or file else ""
    return f"{done}{before}{failed}{where}."


def _notes(counts: "SortCounts", typed: str | None, sure: float | None) -> Iterator[str]:
    """What makes it worth less."""
    if counts.misunderstood:
        yield (
            f"Of {counts.misunderstood} pictures the model would rather have said something else: "
            "other words for --into, --describe or --question may help."
        )
    if sure is None:
        yield "The likeliest answer counted. With --sure 95%, pictures that are less sure go apart."
    elif 0 < counts.likeliest < sure and [*counts.sorted] == ["unsure"]:
        yield f"No answer was that sure, at most {counts.likeliest:.1%}. Lower --sure, or ask another model."
    elif counts.not_calibrated:
        yield f"--sure {typed} is by the model's own probabilities, which are often too high."
    else:
        yield (
            f"At most {100 * (1 - sure):.2g}% of those sorted are wrong, as far as they are like what it was "
            "calibrated with: docs/decisions-api.md"
        )


def _interrupted(counts: "SortCounts") -> str:
    again = shlex.join(["viewfinder", *sys.argv[1:]])
    number = counts.sorted.total()
    if not number:
        return f"Interrupted before the first answer. Start again: {again}"
    kept = f"{number} pictures are sorted into {counts.to}" if counts.to else f"{number} answers are kept"
    return f"Interrupted. {kept}. Resume: {again}"
