"""Which model for which use: pure rules over stored results; called by `answer`, `document` and `tables`.

A model is recommended only for uses whose gates it passed, and on the newest result's machine. Timings that
were disturbed take nothing from the rest: they carry a mark, and do not decide between two equals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from viewfinder.measure.figures import Figure, Gate
from viewfinder.measure.measures.dialogues.find import FACTS_KEPT
from viewfinder.measure.measures.gates.find import FOLLOW_UPS, IMAGE_ANSWERS
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.results import ModelResult
from viewfinder.report.conditions import (
    HEADLINE,
    NONE_RIGHT,
    NOT_WORKING,
    deciding_command,
    measured,
    no_text,
    none_right,
    passed,
    production_conditions,
    qualified,
    time_to_decide,
    undecided,
)
from viewfinder.report.facts import clause, failure_of, label
from viewfinder.report.figures import phrase, short
from viewfinder.report.ranks import Known, Ranked, ranked

MOST_NAMED = 3
"""Models of one recommendation whose figures are given; the others are in the overview."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A model and why it is named, in measured figures."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """The models for one use. `none` says why there are none, `command` what would change that; `tie` joins
    several models."""

    use: str
    rule: str
    picks: tuple[Pick, ...]
    none: str = ""
    command: str = ""
    tie: str = ""

    @property
    def sentence(self) -> str:
        """The models with their reasons, or why there are none."""
        if not self.picks:
            return self.none
        each = "; ".join(f"{pick.label}: {pick.reason}" for pick in self.picks[:MOST_NAMED])
        others = ", ".join(pick.label for pick in self.picks[MOST_NAMED:])
        return f"{self.tie if len(self.picks) > 1 else ''}{each}{f'; also {others}' if others else ''}"


def advise(results: Sequence[ModelResult], evidence: Known | None = None) -> tuple[Advice, ...]:
    """The six uses of the guide, in its order; `results` hold each variant once."""
    known = evidence or {}
    return (
        _production(results),
        best_overall(results, known),
        _best_context(results, known),
        best_vision_only(results, known),
        _balanced(results, known),
        _avoid(results),
    )


def production_ready(results: Sequence[ModelResult]) -> list[ModelResult]:
    """The results that are good enough for a service."""
    return qualified(results, *production_conditions())[0]


def able_overall(results: Sequence[ModelResult]) -> tuple[list[ModelResult], str]:
    """The results that passed both gates, and why the others did not."""
    return qualified(results, passed("vision"), passed("text"), measured(INFERENCE))


def decisive_share(able: Sequence[ModelResult]) -> str:
    """The share of right answers that models are ranked by: to the user's own questions if all models were
    asked the same."""
    own = [result.found.get("own_images") for result in able]
    asked = {(one.folder, one.questions) for one in own if isinstance(one, OwnImages)}
    is_shared = bool(own) and all(isinstance(one, OwnImages) for one in own) and len(asked) == 1
    return OWN_QUESTIONS if is_shared else IMAGE_ANSWERS


def summary(result: ModelResult, share_name: str = IMAGE_ANSWERS) -> str:
    """`97 % right, 0.32 s, 0.031 GB`: the figures that decide, without those that are missing."""
    figures = result.figures
    share, time, size = (figures[name] for name in (share_name, INFERENCE, DIFFERENCE))
    parts = []
    if isinstance(share, Figure):
        whose = "of your own questions " if share_name == OWN_QUESTIONS else ""
        parts.append(f"{short(share)} {whose}right")
    if isinstance(time, Figure):
        parts.append(f"{short(time)}{' (disturbed)' if result.contaminated else ''}")
    if isinstance(size, Figure):
        parts.append(short(size))
    return ", ".join(parts)


def _production(results: Sequence[ModelResult]) -> Advice:
    able, none = qualified(results, *production_conditions())
    rule = (
        "both gates passed, no issue seen, no leak between requests, memory that does not grow with them, "
        "surely fewer than 5 % of the requests failed, and a server that Viewfinder watches; load time, "
        "average inference and memory difference were all measured"
    )
    command = ""
    if not able and (waiting := [one for one in results if undecided(one)]):
        none = (
            f"not known yet: {', '.join(map(label, waiting))} "
            f"{'is' if len(waiting) == 1 else 'are'} verified; "
            f"about {time_to_decide(waiting)} decide"
        )
        command = deciding_command(waiting)
    return Advice(
        "Production ready",
        rule,
        tuple(Pick(label(one), summary(one, decisive_share(able))) for one in able),
        none,
        command,
    )


def best_overall(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By right answers, then by time."""
    able, none = able_overall(results)
    share = decisive_share(able)
    best = first(able, share, evidence)
    if able and not best:
        none = "none of the questions about images was answered right"
    if not any(place.result.contaminated for place in best):
        best = first([place.result for place in best], INFERENCE, evidence)
    rule = (
        "of the models that passed both gates, the highest share of right answers (to your own questions if "
        "all were asked them); among those that do not surely differ in it, the lowest average inference, "
        "unless a timing of theirs was disturbed"
    )
    return Advice(
        "Best overall",
        rule,
        _picks(best, partial(summary, share_name=share)),
        none,
        tie="no sure difference: ",
    )


def _best_context(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By the facts kept in dialogues, if all models had dialogues; else by the gate, which all models
    have."""
    able, none = qualified(results, passed("vision"), passed("follow_up"))
    held = bool(able) and all(isinstance(result.figures[FACTS_KEPT], Figure) for result in able)
    name, what = (FACTS_KEPT, "of facts kept in dialogues") if held else (FOLLOW_UPS, "of follow-ups right")
    best = first(able, name, evidence)
    if able and not best:
        none = "none kept a fact" if held else "no follow-up was answered right"
    rule = (
        "of the models that passed the vision gate and the follow-up gate (later turns about an image that "
        "was sent in the first), the highest share of facts kept in dialogues of ten turns, of those right "
        "when asked alone; of right follow-up answers if not all had dialogues"
    )

    def reason(result: ModelResult) -> str:
        figure = result.figures[name]
        return f"{phrase(figure)} {what}" if isinstance(figure, Figure) else ""

    return Advice("Best context", rule, _picks(best, reason), none, tie="no sure difference: ")


def best_vision_only(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By right answers."""
    able, none = qualified(results, passed("vision"), no_text)
    share = decisive_share(able)
    best = first(able, share, evidence)
    if able and not best:
        none = "no question was answered right"
    elif results and len(qualified(results, passed("vision"), passed("text"))[0]) == len(results):
        none = "no measured model is vision-only"
    rule = (
        "of the models that passed the vision gate and not the text gate, the highest share of right answers"
    )
    picks = _picks(best, partial(summary, share_name=share))
    return Advice("Best vision-only", rule, picks, none, tie="no sure difference: ")


def _balanced(results: Sequence[ModelResult], evidence: Known) -> Advice:
    """By the worst rank: with a sum of ranks a very slow model could win by its memory."""
    able, none = qualified(results, passed("vision"), passed("text"), *map(measured, HEADLINE))
    decisive = (DIFFERENCE,) if any(result.contaminated for result in able) else HEADLINE
    places: dict[str, list[Ranked]] = {label(result): [] for result in able}
    for name in decisive:
        for place in ranked(able, name, evidence):
            places[label(place.result)].append(place)
    worst = {model: max(place.rank for place in of) for model, of in places.items()}
    best = [result for result in able if worst[label(result)] == min(worst.values())]
    rule = (
        "of the models that passed both gates, the best worst rank in average inference, load time and "
        "memory difference; in the last alone if a timing was disturbed"
    )

    def reason(result: ModelResult) -> str:
        return ", ".join(f"{short(place.figure)} (rank {place.rank})" for place in places[label(result)])

    picks = tuple(Pick(label(result), reason(result)) for result in best)
    return Advice("Balanced", rule, picks, none, tie="equal ranks: ")


def _avoid(results: Sequence[ModelResult]) -> Advice:
    rule = (
        "models that failed, could not be verified, showed an issue, or did not pass a gate (then for that "
        "use)"
    )
    none = "none failed, showed an issue or missed a gate" if results else "nothing has been measured yet"
    picks = (Pick(label(result), why) for result in results if (why := why_avoid(result)))
    return Advice("Avoid for production", rule, tuple(picks), none)


def why_avoid(result: ModelResult) -> str:
    """The gravest reason not to use it in production, in a few words; empty if none is known."""
    if failure_of(result):
        return "failed"
    if none_right(result):
        return NONE_RIGHT
    if result.status == "avoid":
        return clause(result.status_reasons[0]) if result.status_reasons else NOT_WORKING["avoid"]
    if result.status in ("unverified", "broken"):
        return NOT_WORKING[result.status]
    uses = [
        use
        for name, use in (("vision", "images"), ("text", "text without an image"))
        if isinstance(gate := result.facts.gates[name], Gate)
        and not gate.passed
        and result.status != "provisional"
    ]
    if result.issues:
        return clause(result.issues[0])
    return f"for {' and '.join(uses)}" if uses else ""


def first(results: Sequence[ModelResult], figure: str, evidence: Known) -> list[Ranked]:
    """The results of rank 1."""
    return [place for place in ranked(results, figure, evidence) if place.rank == 1]


def _picks(leaders: Sequence[Ranked], reason: Callable[[ModelResult], str]) -> tuple[Pick, ...]:
    """Each leader with its reason, and the test's words if it shares the place."""
    return tuple(
        Pick(label(place.result), reason(place.result) + (f" ({place.said})" if place.said else ""))
        for place in leaders
    )
