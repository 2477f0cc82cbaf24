"""The issues of each model, seen in its run, and the known issues of its engine; called by `document`."""

from collections.abc import Sequence

from viewfinder.catalog.known_issues import KnownIssue, issues_of_model
from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.gates.page import GATE_TITLES
from viewfinder.measure.results import ModelResult
from viewfinder.report.content import Remark
from viewfinder.report.facts import clause, failure_of, gate_clause, label


def known_issues(results: Sequence[ModelResult]) -> list[Remark]:
    """Each issue that a run saw, the most severe of each model first."""
    return [Remark(about=label(result), text=text) for result in results for text in _issues(result)]


def upstream_issues(results: Sequence[ModelResult]) -> list[Remark]:
    """Each measured engine with each issue that its developers know for these models, once."""
    found = {
        (f"{result.engine} {result.engine_version}", issue.code): issue
        for result in results
        if result.engine_version
        for issue in issues_of_model(result.engine, result.engine_version, result.model)
    }
    return [Remark(about=engine, text=_sentence(issue)) for (engine, _), issue in found.items()]


def gaps(result: ModelResult) -> list[Remark]:
    """What was not measured: a line for each reason."""
    if failure_of(result):
        return []
    facts = result.facts
    left: dict[str, list[str]] = {}
    for name, known in (
        *((GATE_TITLES[name], facts.gates[name]) for name in GATE_TITLES),
        *facts.figures.items(),
    ):
        if isinstance(known, Missing):
            left.setdefault(clause(known.missing), []).append(name)
    return [Remark(about=", ".join(names), text=reason) for reason, names in left.items()]


def _sentence(issue: KnownIssue) -> str:
    done = f"Cannot happen here: {issue.remedy}" if issue.kind == "prevented" else issue.hint
    return f"{issue.what} {done} ({', '.join(issue.references)})"


def _issues(result: ModelResult) -> list[str]:
    missed = (
        gate_clause(result, name)
        for name in GATE_TITLES
        if isinstance(gate := result.facts.gates[name], Gate) and not gate.passed
    )
    limits = map(clause, result.facts.limits)
    return list(filter(None, [failure_of(result), *map(clause, result.issues), *missed, *limits]))
