"""`viewfinder bench [MODEL...]`: measure, with a progress bar, and show the results."""

import os
import signal
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from viewfinder.cli.bench_display import printable, shown_on
from viewfinder.cli.console import errors, output, print_json
from viewfinder.cli.json_progress import PROGRESS, BenchLines, ProgressForm, errors_told, tell
from viewfinder.cli.shared_options import HELP, MMPROJ, wanted_variants
from viewfinder.core.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from viewfinder.measure.progress import Progress as Step
    from viewfinder.measure.results import ModelResult

ON_NODES = (
    "Measure on the nodes of a Ray cluster (extra `cluster`), each model once on every kind of node: at "
    "HOST:PORT; without one, that of this computer, or a new one."
)


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL...]", help="Default: every model that runs here.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="quick, standard or thorough", show_default="quick")
    ] = None,
    variant: Annotated[list[str] | None, typer.Option(help=HELP)] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Measure a running server; MODEL is a name that it serves."),
    ] = None,
    mmproj: Annotated[Path | None, MMPROJ] = None,
    vqa: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also ask your own questions: a folder of images with a table of questions and answers, or "
            "with a subfolder for each answer.",
        ),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Ask your own questions (--vqa) and measure nothing else.")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Total time (90s, 10m, 1h); spent where it separates models best."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest interrupted run.")] = False,
    ray: Annotated[str | None, typer.Option(metavar="[ADDRESS]", help=ON_NODES, show_default="none")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    progress: Annotated[ProgressForm, PROGRESS] = ProgressForm.text,
) -> None:
    """Measure models on fresh server processes of their own; every sample is kept.

    The key of an --endpoint is read from VIEWFINDER_ENDPOINT_KEY.
    """
    if resume and (names or suite or variant or endpoint or mmproj or vqa or only or budget):
        raise BadRequest(
            "--resume takes no other arguments.", hint="Run: viewfinder bench --resume", param="resume"
        )
    if ray is not None:
        _require_for_nodes(endpoint=endpoint, mmproj=mmproj, vqa=vqa, only=only, budget=budget)
        bench_on_nodes(names or [], suite, variant or [], ray, resume, progress, as_json=as_json)
        return
    with errors_told(progress):
        results = measure(
            names or [],
            suite or "quick",
            wanted_variants(names or [], variant or []),
            endpoint,
            mmproj=mmproj,
            vqa=vqa,
            only=only,
            budget=budget,
            resume=resume,
            progress=progress,
        )
    _print(results, progress, as_json=as_json)
    _exit_for(results)


def _require_for_nodes(**options: object) -> None:
    """Raise BadRequest for an option that is for one computer."""
    if given := [f"--{name}" for name, value in options.items() if value]:
        raise BadRequest(
            f"{', '.join(given)}: not with --ray, which measures models by their names.",
            hint="Leave it out, or measure that on one computer, without --ray.",
            param="ray",
        )


def _print(results: "list[ModelResult]", progress: ProgressForm, *, as_json: bool) -> None:
    from viewfinder.api.measuring import conclude
    from viewfinder.api.printed import as_printed

    if progress is ProgressForm.json:
        tell("results", {"models": [{"model": one.model, "status": one.status} for one in results]})
    if as_json:
        print_json([as_printed(result) for result in results])
        return
    show(results)
    output.print(conclude(), markup=False, highlight=False)
    output.print("The guide: viewfinder guide", highlight=False)


def measure(
    names: list[str],
    suite: str,
    variants: dict[str, str] | None = None,
    endpoint: str | None = None,
    *,
    mmproj: Path | None = None,
    vqa: Path | None = None,
    only: bool = False,
    budget: str | None = None,
    resume: bool = False,
    progress: ProgressForm = ProgressForm.text,
) -> "list[ModelResult]":
    """Run the suite and show its progress; `variants` are the wanted ones of some models. A run that is
    stopped says what is kept of it, and exits with 130."""
    from viewfinder.api.measuring import bench as run
    from viewfinder.core.config import load_settings

    key = os.environ.get("VIEWFINDER_ENDPOINT_KEY")
    with stoppable(progress) as on_progress:
        return run(
            names,
            suite=suite,
            endpoint=endpoint,
            endpoint_key=SecretStr(key) if key else None,
            mmproj=mmproj,
            settings=load_settings(variants=variants or None),
            vqa=vqa,
            only=only,
            budget=budget,
            resume=resume,
            on_progress=on_progress,
        )


@contextmanager
def stoppable(
    progress: ProgressForm, resume: str = "viewfinder bench --resume"
) -> "Iterator[Callable[[Step], None]]":
    """What a run tells its progress to; when the block is stopped, it says what is kept and how to continue
    (`resume`), and exits with 130."""
    stored_runs: dict[str, None] = {}
    try:
        with _shown(progress) as show_step:

            def on_progress(step: "Step") -> None:
                stored_runs.update({step.run: None} if step.run else {})
                show_step(step)

            yield on_progress
    except KeyboardInterrupt:
        for one in (signal.SIGINT, signal.SIGTERM):  # one more would only cut these words short
            signal.signal(one, signal.SIG_IGN)
        said = stopped(*stored_runs, resume=resume)
        if progress is ProgressForm.json:
            tell("stopped", {"said": said, "run": next(reversed(stored_runs), "")})
        else:
            errors.print(said, markup=False, highlight=False)
        raise typer.Exit(130) from None


def bench_on_nodes(
    names: list[str],
    suite: str | None,
    variant: list[str],
    address: str,
    resume: bool,
    progress: ProgressForm,
    *,
    as_json: bool,
) -> None:
    """Measure on the nodes of a cluster and print the results; exits with 1 when some are missing."""
    from viewfinder.api.bench_cluster import bench_on_cluster
    from viewfinder.core.config import load_settings

    def note(said: str) -> None:
        if progress is ProgressForm.json:
            tell("note", {"said": said})
        else:
            errors.print(said, markup=False, highlight=False)

    again = f"viewfinder bench --ray{'' if address == 'auto' else f' {address}'} --resume"
    with errors_told(progress), stoppable(progress, again) as on_progress:
        measured = bench_on_cluster(
            names,
            address=address,
            suite=suite or "quick",
            settings=load_settings(variants=wanted_variants(names, variant) or None),
            resume=resume,
            on_progress=on_progress,
            on_note=note,
        )
    results = measured.results
    if results or as_json:
        _print(results, progress, as_json=as_json)
    for one in measured.unmeasured:
        errors.print(one, markup=False, highlight=False)
    if measured.unmeasured:
        errors.print(f"Measure it when that is fixed: {again}", markup=False, highlight=False)
        raise typer.Exit(1)
    _exit_for(results)


def _shown(progress: ProgressForm) -> "AbstractContextManager[Callable[[Step], None]]":
    """What a run tells its progress to."""
    return nullcontext(BenchLines().tell) if progress is ProgressForm.json else shown_on(errors)


def stopped(*runs: str, resume: str = "viewfinder bench --resume") -> str:
    """What is kept of runs that were stopped, and how to continue them; none: none had begun."""
    from viewfinder.api.interruption import kept

    begun = [run for run in runs if run]
    if not begun:
        return "Stopped before anything was measured: nothing is stored."
    named = f"run{'s' if len(begun) > 1 else ''} {', '.join(begun)}"
    lines = [f"Stopped. What was measured is kept as {named}:"]
    for one in (one for run in begun for one in kept(run)):
        said = f"{one.answers} answers, finished processes: {one.processes}"
        lines.append(f"  {printable(one.model)}: {'complete' if one.is_complete else said}")
    if len(lines) == 1:
        lines = [f"Stopped. The {named} had only begun: no answer of a model is stored."]
    lines.append(f"Continue it: {resume}")
    return "\n".join(lines)


def show(results: "list[ModelResult]") -> None:
    """The figures that matter most, one row a model."""
    from viewfinder.measure.figures import Missing
    from viewfinder.measure.measures.latency.find import INFERENCE
    from viewfinder.measure.measures.load.find import LOAD_TIME
    from viewfinder.measure.measures.memory.find import DIFFERENCE
    from viewfinder.measure.measures.own_images import MEASURE as OWN
    from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
    from viewfinder.report.commands import bench_command
    from viewfinder.report.figures import phrase

    columns = {INFERENCE: INFERENCE, LOAD_TIME: "first correct answer", DIFFERENCE: DIFFERENCE}
    if not any(result.is_judged for result in results):
        columns.clear()
    if any(OWN.name in result.found for result in results):
        columns[OWN_QUESTIONS] = "own questions (VQA v2)"
    kinds = {result.machine.kind for result in results}
    table = Table("model", *(["node"] if len(kinds) > 1 else []), "status", *columns.values())
    for result in results:
        node = [", ".join(filter(None, (result.machine.cpu, result.machine.gpu)))] if len(kinds) > 1 else []
        figures = (result.figures[name] for name in columns)
        said = (figure.missing if isinstance(figure, Missing) else phrase(figure) for figure in figures)
        table.add_row(*map(Text, (result.model, *node, result.failure or result.status, *said)))
    output.print(table)
    for result in results:
        for reason in (*result.status_reasons, *result.notes, result.contaminated):
            if reason and reason != result.failure:
                errors.print(f"{result.model}: {reason}", markup=False)
        if result.status == "incomplete":
            errors.print(f"{result.model}: complete it: {bench_command(result, result.suite)}", markup=False)


def _exit_for(results: "list[ModelResult]") -> None:
    """Exit with 1 when something was not measured."""
    if any(map(_is_unfinished, results)):
        raise typer.Exit(1)


def _is_unfinished(result: "ModelResult") -> bool:
    """Whether the run did not find out what it was for."""
    from viewfinder.measure.figures import Missing
    from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS

    if result.status == "not judged":
        return isinstance(result.figures[OWN_QUESTIONS], Missing)
    return result.status in ("failed", "incomplete")
