"""How long a request about images will take, from what was measured of its variant here; pure, called by
`image_budget` and `estimating`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from viewfinder.fleet.health.rates import TEMPLATE_CHARACTERS
from viewfinder.fleet.record.image_budgets import StoredBudget, StoredBudgets
from viewfinder.fleet.record.measured_file import MeasuredSpan

MEASURED_CHARACTERS = 60
"""Of the questions that were measured."""
EXTRAPOLATED = (0.5, 2.0)
"""The range of a time that was not measured but extrapolated, as parts of it."""


@dataclass(frozen=True, slots=True)
class RequestSize:
    """`characters` are those of all texts; `answer_tokens` the limit of the answer, None: a short answer."""

    images: int
    characters: int
    answer_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class MeasuredCosts:
    """What was measured: the image budgets, and single costs by name; a str: why not."""

    budgets: StoredBudgets | str
    latency: Mapping[str, MeasuredSpan] | str = field(default_factory=dict)

    def span(self, name: str) -> MeasuredSpan | None:
        return None if isinstance(self.latency, str) else self.latency.get(name)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds to the first token and to the end of the answer; None: not measured."""

    first_s: MeasuredSpan | None
    whole_s: MeasuredSpan | None


def predicted(costs: MeasuredCosts, size: RequestSize, budget: StoredBudget | None = None) -> Prediction:
    """The times of a request with its images at this budget; None: the engine's default one."""
    text = _text_of(costs)
    if not size.images:
        return _with_answer(_with_more_text(text, text, size), None, costs, size)
    first, whole = (budget.first_s, budget.whole_s) if budget is not None else (None, None)
    if budget is None:
        first, whole = costs.span("image_first_s"), costs.span("image_whole_s")
    if first is None:
        return Prediction(None, None)
    short = None if whole is None else _less(whole, first)
    if size.images > 1:
        of_text = min(text.value, first.value) if text else 0.0
        first = _times(first, (of_text + size.images * (first.value - of_text)) / first.value)
    return _with_answer(_with_more_text(first, text, size), short, costs, size)


def _text_of(costs: MeasuredCosts) -> MeasuredSpan | None:
    of_budgets = None if isinstance(costs.budgets, str) else costs.budgets.text_first_s
    return of_budgets or costs.span("text_first_s")


def _with_more_text(
    first: MeasuredSpan | None, text: MeasuredSpan | None, size: RequestSize
) -> MeasuredSpan | None:
    """The time to the first token, with what the text has beyond that of the measured questions."""
    more = (size.characters - MEASURED_CHARACTERS) / (MEASURED_CHARACTERS + TEMPLATE_CHARACTERS)
    if first is None or text is None or more <= 0:
        return first
    return _sum(first, _extrapolated(text.value * more, text.n))


def _with_answer(
    first: MeasuredSpan | None, short: MeasuredSpan | None, costs: MeasuredCosts, size: RequestSize
) -> Prediction:
    """`short` is the time of a short answer after its first token."""
    token = costs.span("token_s")
    if first is None:
        return Prediction(None, None)
    if size.answer_tokens is None:
        return Prediction(first, _sum(first, short) if short else first if not size.images else None)
    if size.answer_tokens == 1:
        return Prediction(first, first)
    if token is None:
        return Prediction(first, None)
    later = size.answer_tokens - 1
    longest = MeasuredSpan(value=token.value * later, low=0.0, high=token.high * later, n=token.n)
    return Prediction(first, _sum(first, longest))


def fitting(
    costs: MeasuredCosts, size: RequestSize, budgets: Sequence[StoredBudget], most_s: float
) -> StoredBudget | None:
    """The largest of the budgets, which are the smallest first, with which nine of ten such requests take no
    longer; None: there is none."""
    for budget in reversed(budgets):
        whole = predicted(costs, size, budget).whole_s
        if whole is not None and whole.high <= most_s:
            return budget
    return None


def _sum(one: MeasuredSpan, other: MeasuredSpan) -> MeasuredSpan:
    return MeasuredSpan(
        value=one.value + other.value,
        low=one.low + other.low,
        high=one.high + other.high,
        n=min(one.n, other.n),
    )


def _less(whole: MeasuredSpan, first: MeasuredSpan) -> MeasuredSpan:
    """What is left of the whole after the first token; its range is that of the whole."""
    value = max(0.0, whole.value - first.value)
    high = max(value, whole.high - first.high)
    return MeasuredSpan(value=value, low=min(value, max(0.0, whole.low - first.low)), high=high, n=whole.n)


def _times(one: MeasuredSpan, factor: float) -> MeasuredSpan:
    return MeasuredSpan(value=one.value * factor, low=one.low * factor, high=one.high * factor, n=one.n)


def _extrapolated(value: float, n: int) -> MeasuredSpan:
    low, high = EXTRAPOLATED
    return MeasuredSpan(value=value, low=low * value, high=high * value, n=n)
