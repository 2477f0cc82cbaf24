"""Writes the reference guide from stored results, in Markdown; called by `api`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from viewfinder.catalog.published import Published
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.parity import Parity
from viewfinder.measure.compare.standings import Standing
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.results import ModelResult
from viewfinder.report import markdown
from viewfinder.report.advice import advise, incomplete, summary, undecided
from viewfinder.report.changes import compare
from viewfinder.report.commands import commands
from viewfinder.report.facts import RunModel, label
from viewfinder.report.figures import right_of
from viewfinder.report.issues import known_issues, upstream_issues
from viewfinder.report.ranks import lines
from viewfinder.report.tables import Tables

_TEMPLATES = Path(__file__).parent / "templates"


def write_guide(
    results: Sequence[ModelResult],
    published: Published,
    previous: Sequence[ModelResult] = (),
    parities: Sequence[Parity] = (),
    standings: Sequence[Standing] = (),
    evidence: Mapping[RunModel, Evidence] | None = None,
) -> str:
    """The whole guide.

    Of several results of one variant the newest counts. `previous` are results of earlier runs; each result
    is compared with the newest of them that has its model and variant. `parities` give the share of equal
    answers of two variants of one model, `standings` the models that are not worse than the best by one
    figure. `evidence` are the samples of the results: without it nothing is compared with earlier runs, and
    ranks go by intervals.
    """
    evidence = evidence or {}
    results = _newest(results)
    notes = markdown.Notes()
    # Markdown, not HTML: text from outside goes through the `text` and `code` filters.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(text=markdown.text, code=markdown.code)
    return environment.get_template("guide.md.j2").render(
        results=results,
        published=published,
        tables=Tables(notes),
        notes=notes,
        label=label,
        commands=commands,
        method=[line for measure in measures().values() for line in measure.method],
        conclusion=conclusion(results, evidence),
        advice=advise(results, evidence),
        known_issues=known_issues(results),
        parities=parities,
        standings=standings,
        lines=lines,
        right_of=right_of,
        upstream_issues=upstream_issues(results),
        comparisons=compare(results, previous, evidence),
        updated=max((result.measured_at for result in results), default=""),
        machines=_by_machine(results),
    )


def write_result(result: ModelResult) -> str:
    """All that is stored of one result, in Markdown."""
    notes = markdown.Notes()
    tables = Tables(notes)
    parts = [f"{intro}\n\n{table}" for intro, table in tables.sections(result)]
    return "\n\n".join((f"# {label(result)}", tables.model(result), *parts, "\n".join(notes.definitions())))


def conclusion(results: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence] | None = None) -> str:
    """The conclusion from the results, in two or three sentences of plain text."""
    results = _newest(results)
    if not results:
        return "Nothing has been measured yet. `viewfinder bench` measures models and stores the results."
    if unknown := [f"{label(one)}: {why}" for one in results if (why := incomplete(one))]:
        known = [one for one in results if one.status != "incomplete"]
        said = f"Not known yet: {'; '.join(unknown)}."
        return f"{conclusion(known, evidence)} {said}" if known else said
    production, overall, *_, avoid = advise(results, evidence)
    measured = f" ({len(production.picks)} of {len(results)} measured)" if len(results) > 1 else ""
    if production.picks:
        ready = " and ".join(pick.label for pick in production.picks)
        sentences = [f"Production ready: {ready}{measured}."]
    elif any(map(undecided, results)):
        sentences = [production.no_picks]
    else:
        sentences = [f"Production ready: {production.no_picks[0].lower()}{production.no_picks[1:]}"]
        if len(results) == 1 and (measured := summary(results[0])):
            sentences.append(f"Measured: {measured}.")
    if len(overall.picks) > 1:
        names = " and ".join(pick.label for pick in overall.picks)
        sentences.append(f"Best overall, with no sure difference between them: {names}.")
    elif overall.picks:
        sentences.append(f"Best overall: {overall.picks[0].label}, {overall.picks[0].reason}.")
    if avoid.picks:
        sentences.append(f"Avoid for production: {' and '.join(pick.label for pick in avoid.picks)}.")
    return " ".join(sentences)


def _newest(results: Sequence[ModelResult]) -> list[ModelResult]:
    """One result a variant, in the order in which the variants first appear."""
    newest: dict[tuple[str, str], ModelResult] = {}
    for result in results:
        key = result.model, result.variant
        if key not in newest or newest[key].measured_at < result.measured_at:
            newest[key] = result
    return list(newest.values())


def _by_machine(results: Sequence[ModelResult]) -> list[tuple[ModelResult, str]]:
    """A result of each machine, and the models that were measured on it."""
    groups: dict[str, list[ModelResult]] = {}
    for result in results:
        groups.setdefault(result.machine.model_dump_json(), []).append(result)
    return [(group[0], ", ".join(map(label, group))) for group in groups.values()]
