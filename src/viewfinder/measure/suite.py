"""How much a run measures: quick, standard or thorough; chosen by the user, read by `runner` and
`session`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure.forecast import Forecast, Work
from viewfinder.measure.measures.base import DEPTHS
from viewfinder.measure.measures.registry import AnyMeasure, measures


@dataclass(frozen=True, slots=True)
class Suite:
    """What a run measures, and how much of it; `counts` has what that means for each measure.

    `processes` fresh server processes are timed, shared by the measures that need none of their own; an odd
    number, so that the median is one of them. At most `again` disturbed ones are measured once more. `anchor`
    fresh processes of the anchor are timed at the run's start, and the same number at its end. `limit_s` is
    the time for the whole run, see `deadline` and `rounds`; 0: as long as the counts take.
    """

    name: str
    processes: int
    counts: Mapping[str, Any] = field(default_factory=dict)
    again: int = 0
    anchor: int = 0
    request_timeout_s: float = 600.0
    limit_s: float = 0.0

    def with_counts(self, measure: str, counts: Any) -> "Suite":
        """The same suite with other counts of one measure."""
        return replace(self, counts={**self.counts, measure: counts})

    def only(self, measure: str) -> "Suite":
        """The same suite with this one measure: neither a model nor the machine is timed."""
        return replace(self, processes=0, again=0, anchor=0, counts={measure: self.counts[measure]})

    def shared(self) -> list[AnyMeasure]:
        """The measures that ask each timed process in turn."""
        return [one for one in self._measures() if "own_process" not in one.needs]

    def apart(self) -> list[tuple[AnyMeasure, int]]:
        """The measures with processes of their own, each with the number of these."""
        own = (one for one in self._measures() if "own_process" in one.needs)
        return [(one, n) for one in own if (n := one.processes(self.counts[one.name]))]

    def likely_s(self, start_s: float, answer_s: float) -> float:
        """About how long a run takes with one model that starts, and describes an image, in these times."""
        forecast = Forecast()
        forecast.start("", start_s)
        forecast.request("", "long", answer_s)
        shared = tuple(batch for one in self.shared() for batch in one.likely(self.counts[one.name], 0))
        forecast.rest = [
            Work("", "", shared, self.processes),
            *(
                Work("", one.name, tuple(one.likely(self.counts[one.name], nth)))
                for one, processes in self.apart()
                for nth in range(processes)
            ),
        ]
        return forecast.rest_s()

    def _measures(self) -> list[AnyMeasure]:
        return [one for name, one in measures().items() if name in self.counts]


def suite_named(name: str) -> Suite:
    """The suite of this depth. Raises BadRequest with the depths that there are."""
    if name not in DEPTHS:
        raise BadRequest(
            f"There is no suite named {name!r}.", hint=f"Suites: {', '.join(DEPTHS)}.", param="suite"
        )
    processes, again, anchor = {"quick": (7, 3, 3), "standard": (11, 5, 6), "thorough": (15, 7, 8)}[name]
    counts = {key: measure.counts[name] for key, measure in measures().items() if name in measure.counts}
    return Suite(name, processes, counts, again=again, anchor=anchor)


def suite_of(stored: Mapping[str, Any]) -> Suite:
    """The suite that a run stored (`asdict`). Raises ViewfinderError when another version stored it."""
    try:
        counts = {
            name: type(next(iter(measures()[name].counts.values())))(**one)
            for name, one in stored["counts"].items()
        }
        return Suite(**{**stored, "counts": counts})
    except (TypeError, KeyError, AttributeError):
        raise ViewfinderError(
            "This run cannot be resumed: another version of Viewfinder, or of one of its measures, started "
            "it.",
            hint="Its measurements are kept. Start a new run.",
            code="resume_differs",
        ) from None
