"""How long the rest of a run will take: pure, of what its processes took so far; kept by `progress`, fed by
`runner` and `session`.

A process that was measured before, in this run or an earlier one, tells what the next of its kind takes; else
its requests are counted and each costs what such a request to that model cost so far. Requests of a kind that
was not seen yet are estimated from the other kinds, and those to a model that was not seen from other models.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

RequestKind = Literal["text", "image", "long", "clip"]
RATIOS: Mapping[RequestKind, float] = {"text": 0.2, "image": 1.0, "long": 1.7, "clip": 5.0}
"""A request's usual time beside that of a short answer about an image: a text alone, a long answer, and a
question about several images."""
_USUAL_S, _USUAL_START_S = 0.5, 1.0
"""Of a short answer, and of a start, as long as nothing is known at all."""
_USUAL_DISTURBED = 0.25
_RECENT = 5
"""Later processes of a kind say more than earlier ones: the machine's load changes."""
_MOST_SCALE = 3.0
"""How far the machine's speed may be from that of an earlier run; more says that the two are not alike."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests of one kind in a row, each `pause_s` after the answer before: at most `most`, at least
    `least`, and between the two none begins after `budget_s`. Left out when even the least number takes
    longer than `given_up_s`."""

    most: int
    kind: RequestKind = "image"
    least: int = 0
    budget_s: float = math.inf
    given_up_s: float = math.inf
    pause_s: float = 0.0

    def likely_s(self, request_s: float) -> float:
        request_s += self.pause_s
        least_s = min(self.least, self.most) * request_s
        if least_s > self.given_up_s:
            return 0.0
        return max(least_s, min(self.most * request_s, self.budget_s + request_s / 2))


WorkKey = tuple[str, str, tuple[Batch, ...]]
"""Model, measure and requests of a process: those with the same one take about as long."""
Past = Mapping[WorkKey, float]
"""The seconds of a process in an earlier run on this machine."""


@dataclass(frozen=True, slots=True)
class Work:
    """A process that a run may still measure: `count` of it, which may be a fraction."""

    model: str
    measure: str
    batches: tuple[Batch, ...]
    count: float = 1.0

    @property
    def key(self) -> WorkKey:
        return self.model, self.measure, self.batches


class Forecast:
    """Learns from each request and process; all times are in seconds."""

    def __init__(self, past: Past | None = None) -> None:
        self.past = past or {}
        self._requests: defaultdict[tuple[str, RequestKind], list[float]] = defaultdict(lambda: [0, 0.0])
        self._starts: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0])
        self._took: defaultdict[object, list[float]] = defaultdict(list)
        self._beside: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        """What processes took, and what an earlier run would have said, by model."""
        self._done: defaultdict[str, defaultdict[Work, list[float]]] = defaultdict(
            lambda: defaultdict(lambda: [0, 0.0])
        )
        """The processes of each model: the number of those alike, and what they took together."""
        self._scales: dict[str, float] = {}
        """What `_scale_of_counts` found, until more is known."""
        self.rest: Sequence[Work] = ()
        """Everything after the process in progress."""

    def request(self, model: str, kind: RequestKind, took_s: float) -> None:
        """One was answered, alone."""
        _add(self._requests[model, kind], took_s)
        self._scales.clear()

    def start(self, model: str, took_s: float) -> None:
        """One process was started."""
        _add(self._starts[model], took_s)
        self._scales.clear()

    def process(self, work: Work, took_s: float) -> None:
        """One was measured to its end."""
        if work.key in self.past:
            self._beside[work.model][0] += took_s
            self._beside[work.model][1] += self.past[work.key]
        _add(self._done[work.model][work], took_s)
        self._took[work.key].append(took_s)
        self._scales.clear()

    def is_sure(self) -> bool:
        """Whether every model of the rest is known: before, an estimate would be a guess."""
        seen = {work.model for work in self.rest if work.key in self.past}
        return all(work.model in seen or work.model in self._done for work in self.rest)

    def rest_s(self) -> float:
        return math.fsum(work.count * self.likely_s(work) for work in self.rest)

    def likely_s(self, work: Work) -> float:
        """The whole time of a process, with its start and end."""
        if took := self._took[work.key][-_RECENT:]:
            return statistics.fmean(took)
        if work.key in self.past:
            return self.past[work.key] * self._scale_of_past(work.model)
        return self._counted_s(work) * self._scale_of_counts(work.model)

    def left_s(self, work: Work, spent_s: float, share: float) -> float:
        """What is left of the process in progress after `spent_s`, when `share` of its requests are answered.

        The fewer these are, the more the estimate before it began counts. A process whose time is limited
        does not make all of its requests.
        """
        known_s = self.likely_s(work)
        if share:
            limit_s = self._counted_s(work, slowness=math.inf)
            known_s += share * (min(spent_s / share, max(limit_s, known_s)) - known_s)
        return max(0.0, known_s - spent_s)

    def _counted_s(self, work: Work, slowness: float = 1.0) -> float:
        """From the number of requests; with infinite `slowness`, the time after which no more begin."""
        if slowness == math.inf:
            return math.fsum(batch.budget_s for batch in work.batches)
        requests_s = (batch.likely_s(self._request_s(work.model, batch.kind)) for batch in work.batches)
        return self._start_s(work.model) + math.fsum(requests_s)

    def _request_s(self, model: str, kind: RequestKind) -> float:
        if (model, kind) in self._requests:
            return _mean(self._requests[model, kind])
        others = [
            _mean(seen) * RATIOS[kind] / RATIOS[one]
            for (name, one), seen in self._requests.items()
            if name == model
        ] or [_mean(seen) * RATIOS[kind] / RATIOS[one] for (_, one), seen in self._requests.items()]
        return max(others, default=_USUAL_S * RATIOS[kind])

    def _start_s(self, model: str) -> float:
        if model in self._starts:
            return _mean(self._starts[model])
        return max(map(_mean, self._starts.values()), default=_USUAL_START_S)

    def _scale_of_past(self, model: str) -> float:
        """Real time over an earlier run's, of this model's processes, or of all if it had none."""
        some = [self._beside[model]] if model in self._beside else list(self._beside.values())
        took_s, said_s = (math.fsum(pair[place] for pair in some) for place in (0, 1))
        return min(_MOST_SCALE, max(1 / _MOST_SCALE, took_s / said_s)) if said_s > 0 else 1.0

    def _scale_of_counts(self, model: str) -> float:
        """Real time over what the counts of requests say by now, of this model's processes, or of all if it
        had none."""
        if model not in self._scales:
            some = [self._done[model]] if model in self._done else list(self._done.values())
            pairs = [pair for one in some for pair in one.items()]
            took_s = math.fsum(took_s for _, (_, took_s) in pairs)
            said_s = math.fsum(count * self._counted_s(work) for work, (count, _) in pairs)
            self._scales[model] = took_s / said_s if said_s > 0 else 1.0
        return self._scales[model]


def likely_share(disturbed: int, seen: int, disturbed_of_all: int, all_seen: int) -> float:
    """The share of processes that will likely be disturbed, when `disturbed` of those `seen` of their kind
    were; as long as these are few, those of all kinds count, too."""
    usual = (disturbed_of_all + _USUAL_DISTURBED) / (all_seen + 1)
    return (disturbed + usual) / (seen + 1)


def _add(seen: list[float], took_s: float) -> None:
    seen[0] += 1
    seen[1] += took_s


def _mean(seen: Sequence[float]) -> float:
    return seen[1] / seen[0]
