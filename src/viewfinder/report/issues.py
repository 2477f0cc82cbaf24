"""The issues of each model, seen in its run, and the known issues of its engine; called by `document`."""

from collections.abc import Sequence

from viewfinder.catalog.known_issues import KnownIssue, issues_of_model
from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.gates.page import GATE_TITLES
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.results import ModelResult
from viewfinder.report.facts import clause, disturbance_of, failure_of, gate_clause, label


def known_issues(results: Sequence[ModelResult]) -> list[tuple[str, tuple[str, ...]]]:
    """Each model that has issues, with the issues, the most severe first."""
    return [(label(result), found) for result in results if (found := _issues(result))]


def upstream_issues(results: Sequence[ModelResult]) -> list[tuple[str, str]]:
    """Each measured engine with each issue that its developers know for these models, once."""
    found = {
        (f"{result.engine} {result.engine_version}", issue.code): issue
        for result in results
        if result.engine_version
        for issue in issues_of_model(result.engine, result.engine_version, result.model)
    }
    return [(engine, _sentence(issue)) for (engine, _), issue in found.items()]


def _sentence(issue: KnownIssue) -> str:
    done = f"Cannot happen here: {issue.remedy}" if issue.kind == "prevented" else issue.hint
    return f"{issue.what} {done} ({', '.join(issue.references)})"


def _issues(result: ModelResult) -> tuple[str, ...]:
    missed = (
        gate_clause(result, name)
        for name in GATE_TITLES
        if isinstance(gate := result.facts.gates[name], Gate) and not gate.passed
    )
    seen = [failure_of(result), *map(clause, result.issues), *missed, disturbance_of(result)]
    return tuple(filter(None, [*seen, *_unmeasured(result)]))


def _unmeasured(result: ModelResult) -> list[str]:
    """One line for each reason, with everything that was not measured because of it."""
    if failure_of(result):
        return []
    facts = result.facts
    left: dict[str, list[str]] = {}
    for name, known in (
        *((title, facts.gates[name]) for name, title in GATE_TITLES.items()),
        *((name, facts.figures[name]) for name in (LOAD_TIME, INFERENCE, DIFFERENCE)),
    ):
        if isinstance(known, Missing):
            left.setdefault(clause(known.missing), []).append(name)
    return [f"not measured ({reason}): {', '.join(names)}" for reason, names in left.items()]
