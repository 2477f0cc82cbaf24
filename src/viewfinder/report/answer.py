"""The guide's first sentence: which model to use on this computer; called by `document`, and by `api` for the
last line of a run."""

from collections.abc import Sequence

from viewfinder.measure.measures.gates.find import IMAGE_ANSWERS, TEXT_ANSWERS
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.results import ModelResult
from viewfinder.report.advice import (
    MOST_NAMED,
    able_overall,
    best_overall,
    best_vision_only,
    decisive_share,
    first,
    summary,
    why_avoid,
)
from viewfinder.report.conditions import completing_command, first_unmet, measured, passed, qualified, sound
from viewfinder.report.content import Remark
from viewfinder.report.facts import label
from viewfinder.report.ranks import Known


def answer(results: Sequence[ModelResult], evidence: Known | None = None) -> Remark:
    """One sentence from the results, which hold each variant once, and the command that follows from it."""
    if not results:
        return Remark(text="Nothing has been measured yet; measure with", command="viewfinder bench")
    known = evidence or {}
    waiting = [one for one in results if one.status == "incomplete"]
    command = completing_command(waiting[0]) if waiting else ""
    said = _use(results, known) or _use_for_one_thing(results, known) or _right_for_you(results, known)
    if said:
        unknown = f"; {_names(waiting)} {_is(waiting)} not known yet" if waiting else ""
        return Remark(text=f"{said}{unknown}", command=command)
    if waiting:
        text = f"Which model to use is not known yet: the measurement of {_names(waiting)} was not completed"
        return Remark(text=text, command=command)
    return Remark(text=_nothing(results))


def _use(results: Sequence[ModelResult], known: Known) -> str:
    """For pictures and text; empty if no model can be recommended for both."""
    best = best_overall(results, known).picks
    if not best:
        return ""
    start = "For pictures and text on this computer use"
    able, _ = able_overall(results)
    share = decisive_share(able)
    if len(best) > 1:
        of = {label(result): result for result in able}
        each = "; ".join(summary(of[pick.label], share) for pick in best[:MOST_NAMED])
        return f"{start} {_or([pick.label for pick in best])}, which do not surely differ: {each}"
    slower = [
        label(place.result) for place in first(able, share, known) if label(place.result) != best[0].label
    ]
    also = f"; {_and(slower)} {'is' if len(slower) == 1 else 'are'} as good and slower" if slower else ""
    return f"{start} {best[0].label}: {best[0].reason}{also}"


def _use_for_one_thing(results: Sequence[ModelResult], known: Known) -> str:
    """For pictures only or for text only; empty if no model can be recommended for either."""
    both, _ = able_overall(results)
    seeing = [pick.label for pick in best_vision_only(results, known).picks]
    reading, _ = qualified(results, passed("text"))
    of = {label(result): result for result in results}
    if seeing:
        use, other, names, share = "pictures", "text without a picture", seeing, IMAGE_ANSWERS
    elif reading and not both:
        use, other, share = "text", "pictures", TEXT_ANSWERS
        names = [label(place.result) for place in first(reading, share, known)]
    else:
        return ""
    each = "; ".join(summary(of[name], share) for name in names[:MOST_NAMED])
    nothing = f"no measured model can be recommended for {other}"
    return f"For {use} on this computer use {_or(names)}: {each}; {nothing}"


def _right_for_you(results: Sequence[ModelResult], known: Known) -> str:
    """Where only the user's own questions were asked: the models that answered most of them right."""
    asked = [one for one in results if one.status == "not judged" and not one.failure]
    best = [place.result for place in first(asked, decisive_share(asked), known)]
    if not best or decisive_share(asked) != OWN_QUESTIONS:
        return ""
    each = "; ".join(summary(one, OWN_QUESTIONS) for one in best[:MOST_NAMED])
    which = "which do not surely differ: " if len(best) > 1 else ""
    names = _or([label(one) for one in best])
    return f"For your own pictures use {names}: {which}{each}; whether it serves well was not measured"


def _nothing(results: Sequence[ModelResult]) -> str:
    kinds: dict[str, list[str]] = {}
    for one in results:
        kinds.setdefault(why_avoid(one) or _unknown(one, results), []).append(label(one))
    each = [f"{_and(names)}: {kind}" for kind, names in list(kinds.items())[:MOST_NAMED]]
    return f"No measured model can be recommended on this computer; {'; '.join(each)}"


def _unknown(result: ModelResult, results: Sequence[ModelResult]) -> str:
    needs = (sound(results), passed("vision"), passed("text"), measured(INFERENCE))
    why = first_unmet(result, needs)
    return why.kind if why else "none of the questions about images was answered right"


def _names(results: Sequence[ModelResult]) -> str:
    return _and([label(one) for one in results])


def _is(results: Sequence[ModelResult]) -> str:
    return "is" if len(results) == 1 else "are"


def _and(names: Sequence[str]) -> str:
    return _joined(names, "and")


def _or(names: Sequence[str]) -> str:
    return _joined(names, "or")


def _joined(names: Sequence[str], last: str) -> str:
    """`A, B and C`; of more than three, the number of the rest."""
    shown = list(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        shown.append(f"{len(names) - MOST_NAMED} more")
    return f" {last} ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)
