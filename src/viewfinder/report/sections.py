"""The section of one model; called by `document`."""

from collections.abc import Sequence

from viewfinder.measure.results import ModelResult
from viewfinder.report import tables
from viewfinder.report.commands import commands
from viewfinder.report.content import Drawing, ModelSection, Snippet
from viewfinder.report.facts import clause, disturbance_of, failure_of, label
from viewfinder.report.issues import gaps, known_issues


def section(
    result: ModelResult, anchor: str, drawings: Sequence[Drawing] = (), *, is_ready: bool
) -> ModelSection:
    """`is_ready`: it is recommended for production."""
    return ModelSection(
        label=label(result),
        anchor=anchor,
        status=tables.status_of(result, is_ready=is_ready),
        reasons=tuple(_reasons(result)),
        issues=tuple(line.text for line in known_issues([result])),
        snippets=_snippets(result),
        about=_about(result),
        notes=tuple(map(clause, result.notes)),
        figures=tables.main_figures(result),
        gaps=tuple(gaps(result)),
        grids=tuple(tables.every_figure(result)),
        drawings=tuple(drawings),
    )


def _reasons(result: ModelResult) -> list[str]:
    """Of its status, and what disturbed its timings."""
    said = [failure_of(result), *map(clause, result.status_reasons), disturbance_of(result)]
    return list(dict.fromkeys(filter(None, said)))


def _about(result: ModelResult) -> str:
    quantization = f", {result.quantization}" if result.quantization else ""
    engine = f"{result.engine} {result.engine_version}".strip()  # a running server tells no version
    return (
        f"{result.model_id}{quantization} on {engine}, {result.endpoint}; "
        f"measured {result.measured_at}, suite {result.suite}, run {result.run}"
    )


def _snippets(result: ModelResult) -> tuple[Snippet, ...]:
    run = commands(result)
    picture = "; photo.png is a picture of your own" if run.sees else ""
    return (
        Snippet(intro=f"Command line{picture}", language="sh", code=run.shell),
        Snippet(intro="A server, until Ctrl-C", language="sh", code=run.serve),
        Snippet(intro="HTTP, while it runs", language="sh", code=run.http),
        Snippet(intro="Python", language="python", code=run.python),
    )
