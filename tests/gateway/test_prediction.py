"""The times of a request by what was measured: planted costs, and what follows from them."""

import pytest

from tests.fleet.record.test_image_budgets import stored
from viewfinder.fleet.record.image_budgets import StoredBudget, StoredBudgets
from viewfinder.fleet.record.measured_file import MeasuredSpan
from viewfinder.gateway.prediction import MeasuredCosts, RequestSize, fitting, predicted


def span(value: float) -> MeasuredSpan:
    return MeasuredSpan(value=value, low=value / 2, high=value * 2, n=40)


def budget(px: int, first_s: float) -> StoredBudget:
    return StoredBudget(name=f"{px} px", first_s=span(first_s), whole_s=span(first_s + 0.1))


BUDGETS = [budget(64, 0.2), budget(128, 0.5), budget(256, 2.0)]
MEASURED: StoredBudgets = stored("64 px", budgets=BUDGETS, text_first_s=span(0.1))
COSTS = MeasuredCosts(
    MEASURED, {"token_s": span(0.01), "image_first_s": span(3.0), "image_whole_s": span(3.1)}
)
ONE = RequestSize(images=1, characters=50)


def value(found: MeasuredSpan | None) -> float:
    assert found is not None
    assert found.low <= found.value <= found.high
    return found.value


def test_one_image_and_a_short_question_takes_what_was_measured() -> None:
    found = predicted(COSTS, ONE, BUDGETS[1])
    assert found.first_s == BUDGETS[1].first_s
    assert value(found.whole_s) == pytest.approx(0.6)


def test_without_a_budget_it_is_what_bench_timed() -> None:
    assert value(predicted(COSTS, ONE).first_s) == 3.0
    assert predicted(MeasuredCosts("not measured", "nor this"), ONE).first_s is None


def test_each_image_takes_its_own_time_and_the_text_only_once() -> None:
    found = predicted(COSTS, RequestSize(images=3, characters=50), BUDGETS[1])
    assert value(found.first_s) == pytest.approx(0.1 + 3 * 0.4)


def test_a_longer_text_takes_longer_and_is_less_sure() -> None:
    found = predicted(COSTS, RequestSize(images=1, characters=60 + 460), BUDGETS[1]).first_s
    assert found is not None
    assert found.value == pytest.approx(0.5 + 0.1)
    assert (found.low, found.high) == pytest.approx((0.25 + 0.05, 1.0 + 0.2))


def test_an_answer_takes_up_to_its_limit() -> None:
    found = predicted(COSTS, RequestSize(1, 50, answer_tokens=101), BUDGETS[1]).whole_s
    assert found is not None
    assert found.value == pytest.approx(0.5 + 100 * 0.01)
    assert found.low == BUDGETS[1].first_s.low  # type: ignore[union-attr]
    assert value(predicted(COSTS, RequestSize(1, 50, answer_tokens=1), BUDGETS[1]).whole_s) == 0.5
    unknown = predicted(
        MeasuredCosts(MEASURED, "not measured"), RequestSize(1, 50, answer_tokens=9), BUDGETS[1]
    )
    assert unknown.whole_s is None
    assert unknown.first_s is not None


def test_a_text_alone() -> None:
    found = predicted(COSTS, RequestSize(images=0, characters=50, answer_tokens=11))
    assert value(found.first_s) == 0.1
    assert value(found.whole_s) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("most_s", "name"), [(9.0, "256 px"), (4.2, "256 px"), (4.1, "128 px"), (1.0, "64 px"), (0.5, None)]
)
def test_the_largest_that_fits_with_its_slowest_requests(most_s: float, name: str | None) -> None:
    found = fitting(COSTS, ONE, BUDGETS, most_s)
    assert (found.name if found else None) == name
