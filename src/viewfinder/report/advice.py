"""Which model for which use: pure rules over stored results; called by `document` and `tables`.

A model is recommended only for uses whose gates it passed, and on the newest result's machine. Timings that
were disturbed take nothing from the rest: they carry a mark, and do not decide between two equals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.dialogues.find import FACTS_KEPT
from viewfinder.measure.measures.gates.find import FOLLOW_UPS, IMAGE_ANSWERS
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.results import ModelResult
from viewfinder.measure.suite import suite_named
from viewfinder.report.commands import bench_command
from viewfinder.report.facts import clause, disturbance_of, failure_of, gate_clause, label, same_machine
from viewfinder.report.figures import phrase
from viewfinder.report.ranks import Known, Ranked, ranked

_Condition = Callable[[ModelResult], str]
"""Why a result does not qualify, in one clause; empty if it does."""

_NOT_WORKING = {
    "unverified": "it could not be verified",
    "broken": "it could not be verified",
    "provisional": "too little is known of it yet",
    "avoid": "it is one to avoid",
}
"""Statuses with which a model is recommended for nothing."""
_FIGURES = (INFERENCE, LOAD_TIME, DIFFERENCE)


@dataclass(frozen=True, slots=True)
class Pick:
    """A model and why it is named, in measured figures."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """The models for one use; `no_picks` is the sentence for when there are none."""

    use: str
    rule: str
    picks: tuple[Pick, ...]
    no_picks: str


def advise(results: Sequence[ModelResult], evidence: Known | None = None) -> tuple[Advice, ...]:
    """The six uses of the guide, in its order; `results` hold each variant once."""
    known = evidence or {}
    return (
        _production(results),
        _best_overall(results, known),
        _best_context(results, known),
        _best_vision_only(results, known),
        _balanced(results, known),
        _avoid(results),
    )


def production_ready(results: Sequence[ModelResult]) -> list[ModelResult]:
    """The results that are good enough for a service."""
    return _qualified(results, *_production_conditions())[0]


def summary(result: ModelResult) -> str:
    """The gates and headline figures of a result in one clause; empty if nothing was measured."""
    gates = result.facts.gates
    clauses = [gate_clause(result, name) for name in ("vision", "text") if isinstance(gates[name], Gate)]
    known = result.figures
    clauses += [_said(result, name, one) for name in _FIGURES if isinstance(one := known[name], Figure)]
    return "; ".join(clauses)


def undecided(result: ModelResult) -> str:
    """A clause on what would decide whether a verified model is ready for production; empty if its suite had
    all of that, or if it is known not to be."""
    unmet = [why for need in (_sound([result]), *_production_conditions()) if (why := need(result))]
    if unmet != [_ready(result)] or result.suite != "quick" or result.engine == ENDPOINT:
        return ""
    known = (result.figures[name] for name in (LOAD_TIME, INFERENCE))
    start_s, request_s = (one.value if isinstance(one, Figure) else 0.0 for one in known)
    minutes = max(1, round(suite_named("standard").likely_s(start_s, request_s) / 60))
    return (
        f"verified; about {minutes} more minutes, `{bench_command(result, 'standard')}`, decide "
        "whether it is ready for production"
    )


def incomplete(result: ModelResult) -> str:
    """A clause that says so, with the command that completes it; empty if it is complete."""
    if result.status != "incomplete":
        return ""
    return f"a gate was not reached; complete it: `{bench_command(result, result.suite)}`"


def _said(result: ModelResult, name: str, figure: Figure) -> str:
    disturbed = " (disturbed)" if result.contaminated and name != DIFFERENCE else ""
    return f"{name} {phrase(figure)}{disturbed}"


def _production_conditions() -> tuple[_Condition, ...]:
    return (
        _passed("vision"),
        _passed("text"),
        _ready,
        *map(_measured, _FIGURES),
        lambda result: (
            f"it showed an issue: {'; '.join(map(clause, result.issues))}" if result.issues else ""
        ),
    )


def _production(results: Sequence[ModelResult]) -> Advice:
    able, none = _qualified(results, *_production_conditions())
    if open_ones := [f"{label(one)} is {more}" for one in results if (more := undecided(one))]:
        none = f"{'; '.join(open_ones)}."
    rule = (
        "Both gates passed, no issue seen, no leak between requests, memory that does not grow with them, "
        "surely fewer than 5 % of the requests failed, and a server that Viewfinder watches; load time, "
        "average inference and memory difference were all measured."
    )
    return Advice("Production ready", rule, tuple(Pick(label(one), summary(one)) for one in able), none)


def _best_overall(results: Sequence[ModelResult], evidence: Known) -> Advice:
    able, none = _qualified(results, _passed("vision"), _passed("text"), _measured(INFERENCE))
    best = _first(able, IMAGE_ANSWERS, evidence)
    if not any(place.result.contaminated for place in best):
        best = _first([place.result for place in best], INFERENCE, evidence)
    rule = (
        "Of the models that passed both gates: the highest share of right image answers; among those that do "
        "not surely differ in it, the lowest average inference, unless a timing of theirs was disturbed."
    )
    return Advice("Best overall", rule, _picks(best, able, summary), none)


def _best_context(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By the facts kept in dialogues, if all models had dialogues; else by the gate, which all models
    have."""
    able, none = _qualified(results, _passed("vision"), _passed("follow_up"))
    held = bool(able) and all(isinstance(result.figures[FACTS_KEPT], Figure) for result in able)
    share = "right answers to follow-up questions"
    if held:
        share = "facts kept in dialogues of ten turns, of those right when asked alone"
    rule = (
        "Of the models that passed the vision gate and the follow-up gate (later turns about an image that "
        f"was sent in the first): the highest share of {share}."
    )

    def reason(result: ModelResult) -> str:
        gate, figure = gate_clause(result, "follow_up"), result.figures[FACTS_KEPT]
        return f"facts kept in dialogues {phrase(figure)}; {gate}" if isinstance(figure, Figure) else gate

    best = _first(able, FACTS_KEPT if held else FOLLOW_UPS, evidence)
    return Advice("Best context", rule, _picks(best, able, reason), none)


def _best_vision_only(results: Sequence[ModelResult], evidence: Known) -> Advice:
    able, none = _qualified(results, _passed("vision"), _no_text)
    rule = (
        "Of the models that passed the vision gate and not the text gate: the highest share of right image "
        "answers."
    )

    def reason(result: ModelResult) -> str:
        return "; ".join(filter(None, (summary(result), disturbance_of(result))))

    best = _first(able, IMAGE_ANSWERS, evidence)
    return Advice("Best vision-only", rule, _picks(best, able, reason), none)


def _balanced(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By the worst rank: with a sum of ranks a very slow model could win by its memory."""
    able, none = _qualified(results, _passed("vision"), _passed("text"), *map(_measured, _FIGURES))
    places: dict[str, list[tuple[str, Ranked]]] = {label(result): [] for result in able}
    for name in _FIGURES:
        for place in ranked(able, name, evidence):
            places[label(place.result)].append((name, place))
    worst = {model: max(place.rank for _, place in of) for model, of in places.items()}
    best = [
        Ranked(result, places[label(result)][0][1].figure, 1)
        for result in able
        if worst[label(result)] == min(worst.values())
    ]
    rule = (
        "Of the models that passed both gates: the best worst rank in average inference, load time and "
        "memory difference."
    )

    def reason(result: ModelResult) -> str:
        of = places[label(result)]
        return "; ".join(f"{_said(result, name, place.figure)}, rank {place.rank}" for name, place in of)

    return Advice("Balanced", rule, _picks(best, able, reason), none)


def _avoid(results: Sequence[ModelResult]) -> Advice:
    rule = (
        "Models that failed, could not be verified, showed an issue, or did not pass a gate (then for that "
        "use)."
    )
    why = "none failed, showed an issue or missed a gate" if results else "nothing has been measured yet"
    picks = (Pick(label(result), reason) for result in results if (reason := _why_avoid(result)))
    return Advice("Avoid for production", rule, tuple(picks), f"No measured model is named here: {why}.")


def _why_avoid(result: ModelResult) -> str:
    reasons = [failure_of(result)]
    if result.status == "avoid":
        reasons += map(clause, result.status_reasons)
    elif result.status in _NOT_WORKING:
        reasons.append(_NOT_WORKING[result.status])
    for name, use in (("vision", "questions about images"), ("text", "text-only prompts")):
        gate = result.facts.gates[name]
        if isinstance(gate, Gate) and not gate.passed:
            reasons.append(f"for {use}: {gate_clause(result, name)}")
    return "; ".join(filter(None, [*reasons, *map(clause, result.issues)]))


def _sound(results: Sequence[ModelResult]) -> _Condition:
    """Not failed, verified at least in part, and on the machine of the newest result."""
    newest = max(results, key=lambda result: result.measured_at, default=None)

    def why_not(result: ModelResult) -> str:
        if why := failure_of(result) or incomplete(result) or _NOT_WORKING.get(result.status, ""):
            return why
        if newest is not None and not same_machine(result, newest):
            return "it was measured on another machine than the newest result"
        return ""

    return why_not


def _ready(result: ModelResult) -> str:
    """The unmet rules of `measure/verdict`; results of older versions were not judged by them."""
    if not result.status_reasons or result.status == "production ready":
        return ""
    unmet = [clause(one) for one in result.status_reasons if one.startswith("not production ready")]
    return "; ".join(unmet) or f"its status is {result.status}"


def _passed(name: str) -> _Condition:
    def why_not(result: ModelResult) -> str:
        gate = result.facts.gates[name]
        return "" if isinstance(gate, Gate) and gate.passed else gate_clause(result, name)

    return why_not


def _no_text(result: ModelResult) -> str:
    """A gate that was not measured proves nothing, unless the verdict itself is vision-only."""
    text = result.facts.gates["text"]
    if isinstance(text, Gate):
        return f"it is not vision-only, {gate_clause(result, 'text')}" if text.passed else ""
    return "" if result.status == "vision-only" else gate_clause(result, "text")


def _measured(name: str) -> _Condition:
    def why_not(result: ModelResult) -> str:
        measured = result.figures[name]
        return f"{name} not measured: {clause(measured.missing)}" if isinstance(measured, Missing) else ""

    return why_not


def _qualified(results: Sequence[ModelResult], *conditions: _Condition) -> tuple[list[ModelResult], str]:
    """The sound results that meet all conditions, and a sentence on why the others do not qualify."""
    if not results:
        return [], "No measured model qualifies: nothing has been measured yet."
    needs = (_sound(results), *conditions)
    first_unmet = [(result, next(filter(None, (need(result) for need in needs)), "")) for result in results]
    unmet = "; ".join(f"{label(result)}: {why}" for result, why in first_unmet if why)
    return [result for result, why in first_unmet if not why], f"No measured model qualifies. {unmet}."


def _first(results: Sequence[ModelResult], figure: str, evidence: Known) -> list[Ranked]:
    return [place for place in ranked(results, figure, evidence) if place.rank == 1]


def _picks(
    leaders: Sequence[Ranked], able: Sequence[ModelResult], reason: Callable[[ModelResult], str]
) -> tuple[Pick, ...]:
    """Each leader with its reason, the number of models that qualify, and the models that share its place."""
    field = f"of {len(able)} that qualify" if len(able) > 1 else "the only measured model that qualifies"
    names = [label(place.result) for place in leaders]
    picks = []
    for name, place in zip(names, leaders, strict=True):
        others = " and ".join(other for other in names if other != name)
        shared = f"; shares this place with {others}" if others else ""
        shared += f"; {place.said}" if place.said else ""
        picks.append(Pick(name, f"{reason(place.result)} ({field}{shared})"))
    return tuple(picks)
