"""What is known to be wrong with each model, as its run saw, and with its engine; called by `guide`."""

from collections.abc import Sequence

from viewfinder.catalog.known_issues import KnownIssue, issues_of_model
from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.results import ModelResult
from viewfinder.report.facts import clause, disturbance_of, failure_of, gate_clause, gate_of, label


def known_issues(results: Sequence[ModelResult]) -> list[tuple[str, tuple[str, ...]]]:
    """Each model that has any, with its issues, the gravest first."""
    return [(label(result), found) for result in results if (found := _issues(result))]


def upstream_issues(results: Sequence[ModelResult]) -> list[tuple[str, str]]:
    """Each engine that was measured with each thing its own developers know of these models, once."""
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
    gates: tuple[str, ...] = ("vision", "text", "follow_up")
    missed = (
        gate_clause(result, name)
        for name in gates
        if isinstance(gate := gate_of(result, name), Gate) and not gate.passed
    )
    seen = [failure_of(result), *map(clause, result.issues), *missed, disturbance_of(result)]
    return tuple(filter(None, [*seen, *_unmeasured(result)]))


def _unmeasured(result: ModelResult) -> list[str]:
    """One line for each reason, with everything that it left unmeasured."""
    if failure_of(result):
        return []
    facts = result.facts
    left: dict[str, list[str]] = {}
    for name, known in (
        ("vision", facts.gates["vision"]),
        ("pure text", facts.gates["text"]),
        ("follow-up turns", facts.gates["follow_up"]),
        *((name, facts.figures[name]) for name in (LOAD_TIME, INFERENCE, DIFFERENCE)),
    ):
        if isinstance(known, Missing):
            left.setdefault(clause(known.missing), []).append(name)
    return [f"not measured ({reason}): {', '.join(names)}" for reason, names in left.items()]
