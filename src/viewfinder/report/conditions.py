"""Why a result does not qualify for a use, and what would decide or complete it; called by `advice`, `answer`
and `issues`."""

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.results import ModelResult
from viewfinder.measure.suite import suite_named
from viewfinder.report.commands import bench_command
from viewfinder.report.facts import clause, failure_of, gate_clause, label, same_machine


@dataclass(frozen=True, slots=True)
class Why:
    """A reason: `kind` fits several models, `said` has the figures of this one."""

    kind: str
    said: str


Condition = Callable[[ModelResult], Why | None]
"""Why a result does not qualify; None if it does."""
NONE_RIGHT = "answered none of your own questions right"
HEADLINE = (INFERENCE, LOAD_TIME, DIFFERENCE)
"""The figures that every recommendation rests on."""
_MOST_WORDS = 16
"""Of a reason; of a longer one only the kind is given."""
_HOURS_FROM = 90
"""This number of minutes is said in hours."""
NOT_WORKING = {
    "unverified": "could not be verified",
    "broken": "could not be verified",
    "provisional": "too little is known yet",
    "avoid": "one to avoid",
    "not judged": "only your own questions were asked",
}
"""Statuses with which a model is recommended for nothing."""


def qualified(results: Sequence[ModelResult], *conditions: Condition) -> tuple[list[ModelResult], str]:
    """The sound results that meet all conditions, and a clause on why the others do not qualify."""
    if not results:
        return [], "nothing has been measured yet"
    needs = (sound(results), *conditions)
    unmet = [(one, why) for one in results if (why := first_unmet(one, needs))]
    able = [one for one in results if one not in [other for other, _ in unmet]]
    if len(results) == 1 and unmet:
        (_, why), *_ = unmet
        said = why.said if len(why.said.split()) <= _MOST_WORDS else why.kind
        return able, f"no measured model qualifies: {said}"
    kinds: dict[str, list[str]] = {}
    for one, why in unmet:
        kinds.setdefault(why.kind, []).append(label(one))
    each = "; ".join(f"{kind} ({', '.join(names)})" for kind, names in kinds.items())
    return able, f"no measured model qualifies: {each}"


def first_unmet(result: ModelResult, conditions: Sequence[Condition]) -> Why | None:
    return next((why for need in conditions if (why := need(result))), None)


def production_conditions() -> tuple[Condition, ...]:
    return (passed("vision"), passed("text"), _ready, *map(measured, HEADLINE), _without_issues)


def undecided(result: ModelResult) -> bool:
    """Whether only a longer suite can decide if this verified model is ready for production."""
    unmet = [why for need in (sound([result]), *production_conditions()) if (why := need(result))]
    return unmet == [_ready(result)] and result.suite == "quick" and result.engine != ENDPOINT


def time_to_decide(results: Sequence[ModelResult]) -> str:
    """About how long the suite takes that decides if these are ready for production: `5 more minutes`."""
    minutes = max(1, math.ceil(sum(map(_seconds_to_decide, results)) / 60))
    number, unit = (minutes, "minute") if minutes < _HOURS_FROM else (round(minutes / 60), "hour")
    return f"{number} more {unit}{'' if number == 1 else 's'}"


def _seconds_to_decide(result: ModelResult) -> float:
    known = (result.figures[name] for name in (LOAD_TIME, INFERENCE))
    start_s, answer_s = (one.value if isinstance(one, Figure) else 0.0 for one in known)
    return suite_named("standard").likely_s(start_s, answer_s)


def deciding_command(results: Sequence[ModelResult]) -> str:
    """What measures these models with the suite that decides; one of several may have several variants."""
    if len(results) == 1:
        return bench_command(results[0], "standard")
    names = list(dict.fromkeys(result.model for result in results))
    of_one = {result.model: result.variant for result in reversed(results)}
    variants = (word for name in names for word in ("--variant", f"{name}={of_one[name]}"))
    return f"viewfinder bench {shlex.join([*names, '--suite', 'standard', *variants])}"


def completing_command(result: ModelResult) -> str:
    """What completes an incomplete result; empty if it is complete."""
    return bench_command(result, result.suite) if result.status == "incomplete" else ""


def passed(name: str) -> Condition:
    def why_not(result: ModelResult) -> Why | None:
        gate = result.facts.gates[name]
        if isinstance(gate, Gate) and gate.passed:
            return None
        title = name.replace("_", "-")
        known = "not measured" if isinstance(gate, Missing) else "not passed"
        return Why(f"{title} gate {known}", gate_clause(result, name))

    return why_not


def measured(name: str) -> Condition:
    def why_not(result: ModelResult) -> Why | None:
        figure = result.figures[name]
        if not isinstance(figure, Missing):
            return None
        return Why(f"{name} not measured", f"{name} not measured: {clause(figure.missing)}")

    return why_not


def no_text(result: ModelResult) -> Why | None:
    """A gate that was not measured proves nothing, unless the verdict itself is vision-only."""
    text = result.facts.gates["text"]
    if isinstance(text, Gate):
        return Why("answers text, too", gate_clause(result, "text")) if text.passed else None
    return (
        None if result.status == "vision-only" else Why("text gate not measured", gate_clause(result, "text"))
    )


def sound(results: Sequence[ModelResult]) -> Condition:
    """Not failed, verified at least in part, right at least once for the user, and on the machine of the
    newest result."""
    newest = max(results, key=lambda result: result.measured_at, default=None)

    def why_not(result: ModelResult) -> Why | None:
        if failure := failure_of(result):
            return Why("failed", failure)
        if result.status == "incomplete":
            return Why("a gate was not reached", "a gate was not reached")
        if none_right(result):
            return Why(NONE_RIGHT, NONE_RIGHT)
        if status := NOT_WORKING.get(result.status, ""):
            return Why(status, status)
        if newest is not None and not same_machine(result, newest):
            return Why(
                "measured on another machine", "it was measured on another machine than the newest result"
            )
        return None

    return why_not


def none_right(result: ModelResult) -> bool:
    """Whether the user's own questions were asked, and not one was answered right."""
    own = result.figures[OWN_QUESTIONS]
    return isinstance(own, Figure) and own.value == 0


def _ready(result: ModelResult) -> Why | None:
    """The unmet rules of `measure/verdict`; results of older versions were not judged by them."""
    if not result.status_reasons or result.status == "production ready":
        return None
    unmet = [clause(one) for one in result.status_reasons if one.startswith("not production ready")]
    return Why("not production ready", "; ".join(unmet) or f"its status is {result.status}")


def _without_issues(result: ModelResult) -> Why | None:
    if not result.issues:
        return None
    return Why("showed an issue", f"it showed an issue: {'; '.join(map(clause, result.issues))}")
