"""Which model for which use: pure rules over stored results; called by `guide`.

A model is recommended only for what its gates proved, on the newest result's machine, and never by a
timing that was disturbed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from viewfinder.measure.figures import Figure, Gate, Measured, Missing
from viewfinder.measure.measures.dialogues.find import FACTS_KEPT
from viewfinder.measure.results import ModelResult
from viewfinder.report.facts import (
    average,
    clause,
    disturbance_of,
    failure_of,
    gate_clause,
    gate_of,
    label,
    load_time,
    memory,
    same_machine,
)
from viewfinder.report.figures import phrase
from viewfinder.report.ranks import (
    BY_FACTS_KEPT,
    BY_FOLLOW_UPS,
    BY_IMAGE_ANSWERS,
    BY_INFERENCE,
    Known,
    Ranked,
    Scale,
    ranked,
)

Need = Callable[[ModelResult], str]
"""Why a result does not qualify, in one clause; empty: it does."""

NOT_WORKING = {
    "unverified": "it could not be verified",
    "broken": "it could not be verified",
    "provisional": "too little is known of it yet",
    "avoid": "it is one to avoid",
}
"""Statuses that recommend a model for nothing."""
FIGURES: dict[str, Callable[[ModelResult], Measured]] = {
    "average inference": average,
    "load time": load_time,
    "memory difference": memory,
}


@dataclass(frozen=True, slots=True)
class Pick:
    """A model and why it is named, in measured figures."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """One use; `nobody` is what to say when there are no picks."""

    use: str
    rule: str
    picks: tuple[Pick, ...]
    nobody: str


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
    """The results that may carry a service."""
    return _able(results, _production_needs(results))


def summary(result: ModelResult) -> str:
    """What was measured of a result, in one clause; empty: nothing was."""
    gates: tuple[str, ...] = ("vision", "text")
    clauses = [gate_clause(result, name) for name in gates if isinstance(gate_of(result, name), Gate)]
    readings = ((name, reading(result)) for name, reading in FIGURES.items())
    clauses += [f"{name} {phrase(figure)}" for name, figure in readings if isinstance(figure, Figure)]
    return "; ".join(clauses)


def _production_needs(results: Sequence[ModelResult]) -> tuple[Need, ...]:
    return (
        _sound(results),
        disturbance_of,
        _passed("vision"),
        _passed("text"),
        _ready,
        *map(_measured, FIGURES),
        lambda result: (
            f"it showed an issue: {'; '.join(map(clause, result.issues))}" if result.issues else ""
        ),
    )


def _production(results: Sequence[ModelResult]) -> Advice:
    return Advice(
        use="Production ready",
        rule="Both gates passed, no issue seen, no leak between requests, memory that does not "
        "grow with them, surely fewer than 5 % of the requests failed, a server that Viewfinder watches; and "
        "load time, average inference and memory difference all measured.",
        picks=tuple(Pick(label(result), summary(result)) for result in production_ready(results)),
        nobody=_nobody(results, _production_needs(results)),
    )


def _best_overall(results: Sequence[ModelResult], evidence: Known) -> Advice:
    needs = (
        _sound(results),
        disturbance_of,
        _passed("vision"),
        _passed("text"),
        _measured("average inference"),
    )
    able = _able(results, needs)
    accurate = _first(ranked(able, BY_IMAGE_ANSWERS, evidence))
    fastest = _first(ranked([place.result for place in accurate], BY_INFERENCE, evidence))
    return Advice(
        use="Best overall",
        rule="Of the models that passed both gates: the highest share of right image answers; among those "
        "that cannot be told apart in it, the lowest average inference.",
        picks=_picks(fastest, able, summary),
        nobody=_nobody(results, needs),
    )


def _best_context(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By what they keep in dialogues, where all were put to that; the gate stays, for it is asked of all."""
    needs = (_sound(results), _passed("vision"), _passed("follow_up"))
    able = _able(results, needs)
    held = bool(able) and all(isinstance(result.facts.figures[FACTS_KEPT], Figure) for result in able)

    def reason(result: ModelResult) -> str:
        gate, figure = gate_clause(result, "follow_up"), result.facts.figures[FACTS_KEPT]
        return f"facts kept in dialogues {phrase(figure)}; {gate}" if isinstance(figure, Figure) else gate

    return Advice(
        use="Best context",
        rule="Of the models that passed the vision gate and the follow-up gate (later turns about an image "
        "that was sent in the first): the highest share of "
        + (
            "facts kept in dialogues of ten turns, of those right when asked alone."
            if held
            else "right answers to follow-up questions."
        ),
        picks=_picks(_first(ranked(able, BY_FACTS_KEPT if held else BY_FOLLOW_UPS, evidence)), able, reason),
        nobody=_nobody(results, needs),
    )


def _best_vision_only(results: Sequence[ModelResult], evidence: Known) -> Advice:
    needs = (_sound(results), _passed("vision"), _no_text)
    able = _able(results, needs)
    return Advice(
        use="Best vision-only",
        rule="Of the models that passed the vision gate and not the text gate: the highest share of right "
        "image answers.",
        picks=_picks(
            _first(ranked(able, BY_IMAGE_ANSWERS, evidence)),
            able,
            lambda result: "; ".join(filter(None, (summary(result), disturbance_of(result)))),
        ),
        nobody=_nobody(results, needs),
    )


def _balanced(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By the worst rank: a sum of ranks would let a very slow model win by its memory."""
    needs = (
        _sound(results),
        disturbance_of,
        _passed("vision"),
        _passed("text"),
        *map(_measured, FIGURES),
    )
    able = _able(results, needs)
    places: dict[str, dict[str, Ranked]] = {label(result): {} for result in able}
    for name in FIGURES:
        for place in ranked(able, Scale(name), evidence):
            places[label(place.result)][name] = place
    worst = {who: max(place.rank for place in of.values()) for who, of in places.items()}
    best = [
        Ranked(result, places[label(result)]["average inference"].figure, 1)
        for result in able
        if worst[label(result)] == min(worst.values())
    ]

    def reason(result: ModelResult) -> str:
        of = places[label(result)]
        return "; ".join(f"{name} {phrase(of[name].figure)}, rank {of[name].rank}" for name in FIGURES)

    return Advice(
        use="Balanced",
        rule="Of the models that passed both gates: the best worst rank in average inference, load time and "
        "memory difference.",
        picks=_picks(best, able, reason),
        nobody=_nobody(results, needs),
    )


def _avoid(results: Sequence[ModelResult]) -> Advice:
    return Advice(
        use="Avoid for production",
        rule="Models that failed, could not be verified, showed an issue, or did not pass a gate (then for "
        "that use).",
        picks=tuple(Pick(label(result), why) for result in results if (why := _why_avoid(result))),
        nobody="No measured model is named here: none failed, showed an issue or missed a gate it was asked."
        if results
        else "No measured model is named here: nothing has been measured yet.",
    )


def _why_avoid(result: ModelResult) -> str:
    reasons = [failure_of(result)]
    if result.status == "avoid":
        reasons += map(clause, result.status_reasons)
    elif result.status in NOT_WORKING:
        reasons.append(NOT_WORKING[result.status])
    uses: dict[str, str] = {"vision": "questions about images", "text": "text-only prompts"}
    for name, use in uses.items():
        gate = gate_of(result, name)
        if isinstance(gate, Gate) and not gate.passed:
            reasons.append(f"for {use}: {gate_clause(result, name)}")
    return "; ".join(filter(None, [*reasons, *map(clause, result.issues)]))


def _sound(results: Sequence[ModelResult]) -> Need:
    """Not failed, verified at least in part, and on the machine of the newest result."""
    newest = max(results, key=lambda result: result.measured_at, default=None)

    def why_not(result: ModelResult) -> str:
        if failure := failure_of(result):
            return failure
        if result.status in NOT_WORKING:
            return NOT_WORKING[result.status]
        if newest is not None and not same_machine(result, newest):
            return "it was measured on another machine than the newest result"
        return ""

    return why_not


def _ready(result: ModelResult) -> str:
    """What the rules of `bench/status` miss; results of older versions were not judged by them."""
    if not result.status_reasons or result.status == "production ready":
        return ""
    unmet = [clause(one) for one in result.status_reasons if one.startswith("not production ready")]
    return "; ".join(unmet) or f"its status is {result.status}"


def _passed(name: str) -> Need:
    def why_not(result: ModelResult) -> str:
        gate = gate_of(result, name)
        return "" if isinstance(gate, Gate) and gate.passed else gate_clause(result, name)

    return why_not


def _no_text(result: ModelResult) -> str:
    """What was not asked is not known to be missing, unless the bench itself calls it vision-only."""
    text = gate_of(result, "text")
    if isinstance(text, Gate):
        return f"it is not vision-only, {gate_clause(result, 'text')}" if text.passed else ""
    return "" if result.status == "vision-only" else gate_clause(result, "text")


def _measured(name: str) -> Need:
    def why_not(result: ModelResult) -> str:
        measured = FIGURES[name](result)
        return f"{name} not measured: {clause(measured.missing)}" if isinstance(measured, Missing) else ""

    return why_not


def _first_unmet(result: ModelResult, needs: Sequence[Need]) -> str:
    return next((why for need in needs if (why := need(result))), "")


def _able(results: Sequence[ModelResult], needs: Sequence[Need]) -> list[ModelResult]:
    return [result for result in results if not _first_unmet(result, needs)]


def _nobody(results: Sequence[ModelResult], needs: Sequence[Need]) -> str:
    if not results:
        return "No measured model qualifies: nothing has been measured yet."
    unmet = (f"{label(result)}: {why}" for result in results if (why := _first_unmet(result, needs)))
    return f"No measured model qualifies. {'; '.join(unmet)}."


def _first(places: Sequence[Ranked]) -> list[Ranked]:
    return [place for place in places if place.rank == 1]


def _picks(
    leaders: Sequence[Ranked], able: Sequence[ModelResult], reason: Callable[[ModelResult], str]
) -> tuple[Pick, ...]:
    """Each leader with its reason, what it was chosen from, and with whom it shares the place."""
    field = f"of {len(able)} that qualify" if len(able) > 1 else "the only measured model that qualifies"
    names = [label(place.result) for place in leaders]
    picks = []
    for name, place in zip(names, leaders, strict=True):
        others = " and ".join(other for other in names if other != name)
        shared = f"; shares this place with {others}" if others else ""
        shared += f"; {place.said}" if place.said else ""
        picks.append(Pick(name, f"{reason(place.result)} ({field}{shared})"))
    return tuple(picks)
