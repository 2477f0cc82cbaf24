"""The recipe's rows on what happens when a model is asked for long: mix-ups, repeats, failures, growth.

Called by `tables`."""

from collections.abc import Callable

from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.measures.stability.result import Repeats, Stability
from viewfinder.measure.results import ModelResult
from viewfinder.measure.troubles.trouble import Rate
from viewfinder.report.markdown import text

Row = tuple[str, str]
Cell = Callable[[Measured], str]
"""A figure, or why there is none, as a cell with its footnote."""

_MIX_UPS = (
    "Pictures whose right answers differ are shown in every order, a few of them after a request without an "
    "image, a long one, a client that left in the middle, and a refused one. A mix-up is an answer that is "
    "neither right nor a fresh process's, and what would be said of the picture before or the first one. The "
    "bound is one-sided, 95 %, exact (Clopper and Pearson)"
)
_REPEATS = {
    "bit-stable": "all in the same words",
    "cache-split": "the first in other words than the rest, which are alike",
    "numeric": "in different words, with the same answer",
    "unstable": "with different answers",
}


def rows(result: ModelResult, cell: Cell, mark: Callable[[str], str]) -> list[Row]:
    """What the stages `stability` and `soak` found; nothing where they were no part of the suite."""
    return [*_stability(result.stability, cell, mark), *_soak(result.soak, cell, mark)]


def _stability(found: Stability | Missing | None, cell: Cell, mark: Callable[[str], str]) -> list[Row]:
    if found is None:
        return []
    if isinstance(found, Missing):
        return [("Stability", cell(found))]
    same = found.references
    mix_ups = found.mix_ups
    return [
        ("Fresh processes agree", f"on {same.same} of {same.asked} questions ({same.processes} processes)"),
        ("Image mix-ups", cell(mix_ups) if isinstance(mix_ups, Missing) else _rate(mix_ups) + mark(_MIX_UPS)),
        ("Mix-ups at once", _together(found.together, cell)),
        ("The same request again and again", _repeats(found.repeats, cell)),
        (
            "Failed or empty answers",
            _rate(found.failures) + (f"; worst: {found.recovery}" if found.recovery else ""),
        ),
        ("Troubles found", _codes(found)),
    ]


def _soak(found: Soak | Missing | None, cell: Cell, mark: Callable[[str], str]) -> list[Row]:
    if found is None:
        return []
    if isinstance(found, Missing):
        return [("Soak", cell(found))]
    grown = found.growth
    if isinstance(grown, Missing):
        memory = [("Memory over many requests", cell(grown))]
    else:
        rise = mark(f"From the first requests to the last ones the footprint rose by {grown.rise_mb:.1f} MB")
        memory = [
            ("Memory over many requests", f"{grown.kind}{rise}"),
            ("Memory growth (MB/request)", cell(grown.slope)),
        ]
    return [
        *memory,
        (f"Time of a request over {found.requests} ({_unit(found.latency)})", cell(found.latency)),
        ("Descriptors growth (per request)", cell(found.descriptors)),
        ("Threads growth (per request)", cell(found.threads)),
        ("Known images answered otherwise later on", _rate(found.canaries)),
        ("Failed or empty answers in the soak", _rate(found.failures)),
        ("Troubles found in the soak", _codes(found)),
    ]


def _rate(rate: Rate) -> str:
    if not rate.asked:
        return "none asked"
    return f"{rate.events} of {rate.asked} (below {100 * rate.at_most:.2g} %)"


def _together(together: dict[int, Rate] | Missing, cell: Cell) -> str:
    if isinstance(together, Missing):
        return cell(together)
    return "; ".join(f"{clients} clients: {_rate(rate)}" for clients, rate in together.items())


def _repeats(repeats: Repeats | Missing, cell: Cell) -> str:
    if isinstance(repeats, Missing):
        return cell(repeats)
    return f"{repeats.kind}: {repeats.answers} answers, {_REPEATS[repeats.kind]}"


def _codes(found: Stability | Soak) -> str:
    return text(", ".join(sorted(code.value for code in found.codes))) or "none"


def _unit(measured: Measured) -> str:
    return "trend" if isinstance(measured, Missing) else measured.unit
