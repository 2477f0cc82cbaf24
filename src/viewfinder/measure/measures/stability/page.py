"""How stability reads in the guide: rows of a model's table."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import CellContent, Row
from viewfinder.measure.measures.stability.result import Repeats, Stability
from viewfinder.measure.troubles.trouble import Rate, codes_in

METHOD = (
    "**Mix-ups**: pictures whose right answers differ are sent in every order, some of them after a request "
    "without an image, a long one, one whose client disconnected, and a refused one. A mix-up is an answer "
    "that is neither right nor that of a fresh process, and that fits the picture before or the first one. "
    "The bound is one-sided, 95 %, exact (Clopper and Pearson).",
)
_REPEATS = {
    "bit-stable": "all in the same words",
    "cache-split": "the first in other words than the rest, which are identical",
    "numeric": "in different words, with the same answer",
    "unstable": "with different answers",
}


def rows(found: Stability | Missing) -> list[Row]:
    if isinstance(found, Missing):
        return [("Stability", found)]
    same = found.references
    mix_ups = found.mix_ups
    return [
        ("Fresh processes agree", f"on {same.same} of {same.asked} questions ({same.processes} processes)"),
        ("Image mix-ups", mix_ups if isinstance(mix_ups, Missing) else mix_ups.words),
        ("Mix-ups at once", _together(found.together)),
        ("The same request again and again", _repeats(found.repeats)),
        (
            "Failed or empty answers",
            found.failures.words + (f"; worst: {found.recovery}" if found.recovery else ""),
        ),
        ("Troubles found", codes_in(found.troubles)),
    ]


def _together(together: dict[int, Rate] | Missing) -> CellContent:
    if isinstance(together, Missing):
        return together
    return "; ".join(f"{clients} clients: {rate.words}" for clients, rate in together.items())


def _repeats(repeats: Repeats | Missing) -> CellContent:
    if isinstance(repeats, Missing):
        return repeats
    return f"{repeats.kind}: {repeats.answers} answers, {_REPEATS[repeats.kind]}"
