"""The order in which measured models are chosen for requests to `auto:` names; pure, called by `api`.

The rules are those of the guide (`advice`): what is recommended for nothing there is chosen for nothing here,
and models that cannot be told apart there are one group here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from viewfinder.catalog.auto_names import AutoUse
from viewfinder.fleet.routing import LeftOut, MeasuredOrder, MeasuredPlace
from viewfinder.measure.figures import Figure, Gate
from viewfinder.measure.measures.gates.find import IMAGE_ANSWERS, TEXT_ANSWERS
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.results import ModelResult
from viewfinder.report.advice import able_overall, decisive_share, why_avoid
from viewfinder.report.conditions import none_right, passed, qualified
from viewfinder.report.facts import failure_of
from viewfinder.report.figures import phrase
from viewfinder.report.ranks import Known, ranked

NOT_CHOSEN = ("avoid", "broken", "unverified", "failed")
"""Statuses of models that are chosen for nothing; one of which too little is known counts as not measured."""
_OF = {
    IMAGE_ANSWERS: "questions about images",
    TEXT_ANSWERS: "questions without an image",
    OWN_QUESTIONS: "of your own questions",
}

_Groups = list[list[ModelResult]]


def measured_orders(
    results: Sequence[ModelResult], evidence: Known, own_dates: Mapping[str, str] | None = None
) -> dict[AutoUse, MeasuredOrder]:
    """The order for each use. `results` hold each variant once, and are of this machine; `own_dates` say when
    a run took place that asked the user's own questions for another one's result."""
    barred = {id(result) for result in results if _barred(result)}
    sound = [result for result in results if id(result) not in barred]
    both, _ = able_overall(sound)
    seeing = _rest(qualified(sound, passed("vision"))[0], both)
    reading = _rest(qualified(sound, passed("text"))[0], [*both, *seeing])
    share, able = decisive_share(both), {id(one) for one in both}
    texts = qualified(sound, passed("text"))[0]
    own = _asked_the_same(sound)
    dates = own_dates or {}

    def by(pool: Sequence[ModelResult], figure: str) -> _Groups:
        return _grouped(pool, figure, evidence)

    def best(pool: Sequence[ModelResult], figure: str) -> _Groups:
        return [smaller for group in by(pool, figure) for smaller in _by_time(group, evidence)]

    groups: dict[AutoUse, tuple[_Groups, Callable[[ModelResult], str]]] = {
        "best": (
            [*best(both, share), *best(seeing, IMAGE_ANSWERS), *by(reading, TEXT_ANSWERS)],
            lambda one: _right(one, share if id(one) in able else _share_of(one), dates),
        ),
        "fast": ([*by(both, INFERENCE), *by(seeing, INFERENCE), *by(reading, TEXT_ANSWERS)], _time),
        "text": (
            [*by(texts, TEXT_ANSWERS), *best(_rest(seeing, texts), IMAGE_ANSWERS)],
            lambda one: _right(one, TEXT_ANSWERS, dates),
        ),
        "smallest": ([*by(both, DIFFERENCE), *by(seeing, DIFFERENCE), *by(reading, DIFFERENCE)], _size),
        "own": (by(own, OWN_QUESTIONS), lambda one: _right(one, OWN_QUESTIONS, dates)),
    }
    return {
        use: MeasuredOrder(
            tuple(tuple(_place(one, use, reason(one)) for one in group) for group in ordered),
            tuple(_left_out(use, results, ordered)),
        )
        for use, (ordered, reason) in groups.items()
    }


def _share_of(result: ModelResult) -> str:
    gate = result.facts.gates["vision"]
    return IMAGE_ANSWERS if isinstance(gate, Gate) and gate.passed else TEXT_ANSWERS


def _rest(some: Sequence[ModelResult], others: Sequence[ModelResult]) -> list[ModelResult]:
    known = {id(one) for one in others}
    return [one for one in some if id(one) not in known]


def _grouped(pool: Sequence[ModelResult], figure: str, evidence: Known) -> _Groups:
    """The results by rank; those without the figure last, except for a share of nothing right."""
    places = ranked(pool, figure, evidence)
    groups = [[place.result for place in some] for _, some in groupby(places, lambda place: place.rank)]
    rest = _rest(pool, [place.result for place in places])
    unknown = [one for one in rest if not isinstance(one.figures[figure], Figure)]
    return [*groups, unknown] if unknown else groups


def _by_time(group: list[ModelResult], evidence: Known) -> _Groups:
    """Of those equally right, the faster ones first, unless a timing of theirs was disturbed."""
    return [group] if any(one.contaminated for one in group) else _grouped(group, INFERENCE, evidence)


def _asked_the_same(results: Sequence[ModelResult]) -> list[ModelResult]:
    """Those that were asked the questions that most were asked, of the user's own."""
    sets: dict[tuple[str, int], list[ModelResult]] = {}
    for one in results:
        found = one.found.get(OWN.name)
        if isinstance(found, OwnImages) and isinstance(one.figures[OWN_QUESTIONS], Figure):
            sets.setdefault((found.folder, found.questions), []).append(one)
    return max(sets.values(), key=len, default=[])


def _barred(result: ModelResult) -> str:
    """Why it is chosen for no request; empty if it may be."""
    if failure_of(result):
        return "it failed when it was measured here"
    if none_right(result) or result.status in NOT_CHOSEN:
        return f"the guide avoids it: {why_avoid(result) or result.status}"
    return ""


def _left_out(use: AutoUse, results: Sequence[ModelResult], ordered: _Groups) -> Iterator[LeftOut]:
    placed = {id(one) for group in ordered for one in group}
    for one in results:
        if id(one) in placed:
            continue
        why = _barred(one) or ("" if use == "own" else _not_passed(one))
        if why:
            yield LeftOut(one.model, one.variant, why)


def _not_passed(result: ModelResult) -> str:
    """For a result that was judged, and passed for neither images nor text."""
    gates = [result.facts.gates[name] for name in ("vision", "text")]
    if any(isinstance(gate, Gate) and gate.passed for gate in gates):
        return "none of the questions that decide was answered right"
    is_judged = all(isinstance(gate, Gate) for gate in gates)
    return "it did not pass its questions here" if is_judged else ""


def _place(result: ModelResult, use: AutoUse, reason: str) -> MeasuredPlace:
    gates = result.facts.gates
    sees, reads = (
        gate.passed if isinstance(gate := gates[name], Gate) else not result.is_judged
        for name in ("vision", "text")
    )
    return MeasuredPlace(result.model, result.variant, reason, sees or use == "own", reads)


def _right(result: ModelResult, name: str, own_dates: Mapping[str, str]) -> str:
    """`right on 96 % (91 to 99) of 120 questions about images here on 2026-11-30`."""
    figure = result.figures[name]
    if not isinstance(figure, Figure):
        return f"passed its questions here on {_date(result)}"
    value, low, high = (f"{number:.0f}" for number in (figure.value, figure.low, figure.high))
    is_own = name == OWN_QUESTIONS
    date = own_dates.get(result.own_run, "")[:10] if is_own else ""
    return f"right on {value} % ({low} to {high}) of {figure.n} {_OF[name]} here on {date or _date(result)}"


def _time(result: ModelResult) -> str:
    figure = result.figures[INFERENCE]
    if not isinstance(figure, Figure):
        return f"passed its questions here on {_date(result)}, and was not timed"
    disturbed = ", disturbed by other programs" if result.contaminated else ""
    return f"an answer about an image takes {phrase(figure)} here, on {_date(result)}{disturbed}"


def _size(result: ModelResult) -> str:
    figure = result.figures[DIFFERENCE]
    if not isinstance(figure, Figure):
        return f"passed its questions here on {_date(result)}; its memory is not known"
    return f"takes {phrase(figure)} of memory here, on {_date(result)}"


def _date(result: ModelResult) -> str:
    return result.measured_at[:10]
