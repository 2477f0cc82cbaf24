"""`viewfinder pull MODEL...`, and the offer of `ask` and `serve` to pull missing files."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from viewfinder.cli.console import errors, output, print_json
from viewfinder.cli.json_progress import PROGRESS, ProgressForm, PullLines, errors_told, stopped
from viewfinder.core.errors import FilesMissing

if TYPE_CHECKING:
    from viewfinder.api.model import Model
    from viewfinder.api.pulling import Pull, PulledModel
    from viewfinder.catalog.pull import PullProgress as Step

T = TypeVar("T")

AGREED = typer.Option("--yes", "-y", help="Pull missing files without asking.")
"""The option of the commands that use `with_files`."""


def pull(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Names from `viewfinder models`, hf:owner/name, or hf:owner/name/FILE.gguf.",
        ),
    ],
    variant: Annotated[
        str | None, typer.Option(help="The variant to pull. Default: the one that suits this machine.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was pulled as JSON.")] = False,
    progress: Annotated[ProgressForm, PROGRESS] = ProgressForm.text,
) -> None:
    """Download models' files from the hub, and check the size and hash of each."""
    from viewfinder.api.pulling import prepare

    with errors_told(progress):
        with errors.status("Contacting the hub ..."):
            pulls = prepare(names, variant=variant)
        pulled = bring(pulls, progress)
    if as_json:
        print_json([_as_json(model) for model in pulled])
        return
    for model in pulled:
        output.print(f"{model.model}: {_outcome(model)}", markup=False, highlight=False)


def bring(pulls: "list[Pull]", form: ProgressForm = ProgressForm.text) -> "list[PulledModel]":
    """Download, and show the progress; when interrupted, say how to resume."""
    from viewfinder.api.pulling import carry_out

    try:
        with _shown(form) as on_progress:
            return carry_out(pulls, on_progress)
    except KeyboardInterrupt:
        words = " ".join(one.model for one in pulls)
        if len(pulls) == 1 and pulls[0].variant:
            words += f" --variant {pulls[0].variant}"
        stopped(form, "Interrupted. What was downloaded is kept.", f"viewfinder pull {words}")
        raise typer.Exit(130) from None


@contextmanager
def _shown(form: ProgressForm) -> "Iterator[Callable[[Step], None]]":
    """What a download tells its progress to: a bar, or lines of JSON."""
    if form is ProgressForm.json:
        yield PullLines().tell
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None)

        def on_progress(step: "Step") -> None:
            doing = f"{step.doing} {step.file}"
            # What was downloaded before must not count as speed, so each step starts from zero.
            change = bar.update if doing == bar.tasks[task].description else bar.reset
            change(task, description=doing, completed=step.done_bytes, total=step.total_bytes)

        yield on_progress


def with_files(work: Callable[[], T], *, agreed: bool) -> T:
    """Do the work; when a model's files are missing, offer to pull them, and do the work again.

    There is no question when the user `agreed` beforehand. Without a terminal, FilesMissing says what to run.
    """
    from viewfinder.api.pulling import prepare

    offered: set[tuple[str, str]] = set()
    while True:
        try:
            return work()
        except FilesMissing as missing:
            words = (missing.model, missing.variant)
            if words in offered or not (agreed or _is_terminal()):
                raise
            offered.add(words)
            errors.print(missing.message, markup=False, highlight=False)
            pulls = prepare([missing.model], variant=missing.variant or None)
            megabytes = -(-sum(one.plan.missing_bytes for one in pulls) // 1_000_000)
            if not agreed and not typer.confirm(f"Pull {megabytes:,} MB now?", err=True):
                raise
            bring(pulls)


def loaded_model(model: str, *, variant: str | None, mmproj: Path | None, agreed: bool) -> "Model":
    """Load a model to ask it, from Python's side; missing files are pulled as `with_files` does."""

    def loading() -> "Model":
        from viewfinder.api.model import load

        with errors.status(Text(f"Loading {model} ...")):
            return load(model, variant=variant, mmproj=mmproj)

    return with_files(loading, agreed=agreed)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _as_json(pulled: "PulledModel") -> dict[str, Any]:
    return {
        "model": pulled.model,
        "variant": pulled.variant,
        "loaded_bytes": pulled.loaded_bytes,
        "repositories": [
            {
                "repository": source.repo,
                "revision": source.revision,
                "commit": source.commit,
                "folder": str(source.folder),
                "files": {path: file.model_dump() for path, file in source.files.items()},
            }
            for source in pulled.repositories
        ],
    }


def _outcome(pulled: "PulledModel") -> str:
    if not pulled.repositories:
        return "nothing to pull; its files are on this computer."
    files = [file for source in pulled.repositories for file in source.files.values()]
    size = sum(file.size_bytes for file in files)
    sources = ", ".join(f"{source.repo} at {source.commit[:12]}" for source in pulled.repositories)
    loaded = (
        f"{pulled.loaded_bytes / 1e6:,.1f} MB downloaded" if pulled.loaded_bytes else "nothing to download"
    )
    return f"{len(files)} files, {size / 1e6:,.1f} MB, from {sources}; {loaded}, all files checked."
