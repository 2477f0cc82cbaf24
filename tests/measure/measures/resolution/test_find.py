"""The smallest image that does as well as the largest: planted truths, and too few questions to tell."""

from dataclasses import replace

import pytest

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.fleet.record.image_budgets import StoredBudgets
from viewfinder.fleet.record.measured_file import machine_digest
from viewfinder.host.hardware import this_machine
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import ResultHeader
from viewfinder.measure.measures.resolution import MEASURE
from viewfinder.measure.measures.resolution.ask import BUDGET_PREFIX, WITHOUT_IMAGE
from viewfinder.measure.measures.resolution.result import Resolution
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample

PROCESSES = 6


def asked(
    n: int, wrong: set[int], *, tokens: int | None = 80, seconds: float = 0.1, failed: int = 0
) -> list[list[Sample]]:
    """One question about each of n scenes, dealt out to six processes; the last `failed` of them failed."""
    every = [
        Sample(
            "run",
            "m",
            number % PROCESSES,
            "resolution",
            "?",
            Exchange(
                0.0,
                seconds,
                first_token_s=seconds / 2,
                last_token_s=seconds,
                text="Red.",
                prompt_tokens=tokens,
                error="engine_refused: no" if number >= n - failed else "",
            ),
            scene=str(number),
            right=number not in wrong,
        )
        for number in range(n)
    ]
    return [every[process::PROCESSES] for process in range(PROCESSES)]


def texts(tokens: int | None = 16) -> list[Sample]:
    return asked(4, set(), tokens=tokens)[0] + asked(4, set(), tokens=tokens)[1]


def resolution(budgets: dict[str, list[list[Sample]]], without_image: list[Sample]) -> Resolution:
    """The result of these processes, each of them asked at one budget, and of questions without an image."""
    asked_at = [
        (BUDGET_PREFIX + name, process) for name, processes in budgets.items() for process in processes
    ]
    logs = [
        ProcessLog(number, [replace(one, scenario=scenario) for one in samples])
        for number, (scenario, samples) in enumerate([*asked_at, (WITHOUT_IMAGE, without_image)])
    ]
    variant = Variant(name="v", engine="e", repo="r", vision=True, text=True)
    found = MEASURE.find(logs, MEASURE.counts["standard"], variant)
    assert isinstance(found, Resolution), found
    return found


def figure(measured: Measured | None) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def missing(measured: object) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


def verdicts(found: Resolution) -> list[str]:
    return [budget.verdict for budget in found.budgets]


def every(step: int, n: int) -> set[int]:
    return set(range(0, n, step))


def test_the_smallest_that_does_as_well_is_found() -> None:
    found = resolution(
        {
            "64 px": asked(400, every(4, 400), tokens=40, seconds=0.05),
            "128 px": asked(400, every(20, 400) ^ {0, 1}, tokens=60, seconds=0.07),
            "256 px": asked(400, every(20, 400)),
        },
        texts(),
    )
    assert found.cheapest == "128 px"
    assert verdicts(found) == ["inferior", "not inferior", "reference"]
    small, _, large = found.budgets
    assert figure(large.accuracy).value == pytest.approx(95)
    assert figure(small.difference).value == pytest.approx(-20)
    assert figure(small.difference).high < -2
    assert large.difference is None
    assert [figure(budget.image_tokens).value for budget in found.budgets] == [24, 44, 64]
    assert figure(small.e2e).value == pytest.approx(0.05)
    assert figure(small.ttft).value == pytest.approx(0.025)
    assert not figure(small.e2e).is_range


def test_all_alike_is_the_smallest() -> None:
    found = resolution({name: asked(200, {3}) for name in ("64 px", "128 px", "256 px")}, texts())
    assert found.cheapest == "64 px"
    assert verdicts(found) == ["not inferior", "not inferior", "reference"]


def test_too_few_questions_say_how_many_more() -> None:
    found = resolution({"64 px": asked(40, {1}), "128 px": asked(40, {2})}, texts())
    assert verdicts(found) == ["not shown", "reference"]
    more = found.budgets[0].more
    assert more is not None
    assert 200 < more < 2000
    assert f"not shown: needs about {more:,} more questions" in missing(found.cheapest)


def test_with_so_many_more_it_is_likely_shown() -> None:
    few = resolution({"64 px": asked(40, {1}), "128 px": asked(40, {2})}, texts()).budgets[0]
    assert few.more is not None
    n = 40 + few.more
    again = resolution({"64 px": asked(n, {1}), "128 px": asked(n, {2})}, texts())
    assert again.cheapest == "64 px"


def test_a_budget_that_is_surely_worse_leaves_the_largest() -> None:
    found = resolution({"64 px": asked(200, every(2, 200)), "128 px": asked(200, set())}, texts())
    assert found.cheapest == "128 px"


def test_nothing_is_passed_over_on_the_way_down() -> None:
    """A budget below an inferior one may look as good by chance; it is not reached."""
    found = resolution(
        {"64 px": asked(300, {1}), "128 px": asked(300, every(4, 300)), "256 px": asked(300, {1})}, texts()
    )
    assert verdicts(found) == ["not inferior", "inferior", "reference"]
    assert found.cheapest == "256 px"


def test_a_model_that_guesses_is_as_bad_at_every_size() -> None:
    blind = every(4, 200) | every(2, 200) | every(3, 200)
    found = resolution({"64 px": asked(200, blind), "128 px": asked(200, blind)}, texts())
    assert "better than guessing" in missing(found.cheapest)


def test_failed_requests_are_left_out_and_counted() -> None:
    found = resolution({"64 px": asked(200, set(), failed=6), "128 px": asked(200, set())}, texts())
    small = found.budgets[0]
    assert (small.failed, small.asked, figure(small.accuracy).n) == (6, 200, 194)
    assert figure(small.difference).n == 194
    refused = resolution({"64 px": asked(200, set()), "1024 px": asked(200, set(), failed=40)}, texts())
    assert "40 of 200 image requests failed" in missing(refused.budgets[1].accuracy)
    assert verdicts(refused) == ["reference", "not measured"]
    assert "no smaller budget" in missing(refused.cheapest)
    assert "no budget was answered" in missing(
        resolution({"64 px": asked(12, set(), failed=12)}, texts()).cheapest
    )


def test_budgets_that_share_no_question_cannot_be_compared() -> None:
    """Processes of one budget each, of which one broke off before it came to the other's questions."""
    others = [[replace(one, scene=f"other {one.scene}") for one in some] for some in asked(200, set())]
    found = resolution({"64 tokens": others, "all tokens": asked(200, set())}, texts())
    assert verdicts(found) == ["not measured", "reference"]
    assert "no question in common" in missing(found.cheapest)
    assert isinstance(found.budgets[0].accuracy, Figure)


def test_a_doubtful_budget_does_not_shake_a_proven_one_above_it() -> None:
    found = resolution(
        {"64 px": asked(300, {1, *range(0, 60, 8)}), "128 px": asked(300, {1}), "256 px": asked(300, {1})},
        texts(),
    )
    assert verdicts(found) == ["not shown", "not inferior", "reference"]
    assert found.cheapest == "128 px"


def test_image_tokens_are_those_that_an_engine_reports() -> None:
    budgets = {"64 px": asked(24, set(), tokens=None)}
    assert "does not report" in missing(resolution(budgets, texts()).budgets[0].image_tokens)
    assert "does not report" in missing(resolution({"64 px": asked(24, set())}, []).budgets[0].image_tokens)
    uncounted = {"64 px": asked(24, set(), tokens=16)}
    assert "does not count" in missing(resolution(uncounted, texts()).budgets[0].image_tokens)
    reported = figure(resolution({"64 px": asked(24, set())}, texts()).budgets[0].image_tokens)
    assert (reported.value, reported.low, reported.high) == (64, 64, 64)
    assert (reported.n, reported.is_range) == (2, True)


HEADER = ResultHeader(
    model="m",
    title="M",
    model_id="tests/m",
    variant="v",
    engine="e",
    engine_version="1",
    quantization="",
    endpoint="",
    suite="standard",
    run="run",
    measured_at="2026-11-30T00:00:00+00:00",
    machine=this_machine(),
)


def stored_of(found: Resolution) -> StoredBudgets:
    [(path, content)] = MEASURE.files(found, HEADER).items()
    assert path == "image_budgets/m/v.json"
    return StoredBudgets.model_validate_json(content)


def test_what_serve_needs_is_in_a_file_of_its_own() -> None:
    found = resolution(
        {
            "64 px": asked(200, every(2, 200), seconds=0.1),
            "128 px": asked(200, set()),
            "256 px": asked(200, set()),
        },
        texts(),
    )
    stored = stored_of(found)
    assert (stored.cheapest, stored.lever, stored.engine_version) == ("128 px", "pixels", "1")
    assert stored.machine == machine_digest(this_machine())
    assert "200 questions" in stored.evidence
    assert "against 256 px" in stored.evidence
    assert [one.name for one in stored.budgets] == ["64 px", "128 px", "256 px"]
    smallest = stored.budgets[0]
    assert smallest.whole_s is not None
    assert (smallest.whole_s.value, smallest.whole_s.n) == (pytest.approx(0.1), 200)
    assert smallest.image_tokens is not None
    assert smallest.image_tokens.value == 64


def test_what_is_not_shown_is_no_budget_to_apply() -> None:
    found = resolution({"64 px": asked(20, {1}), "256 px": asked(20, set())}, texts())
    stored = stored_of(found)
    assert (stored.cheapest, stored.chosen) == ("", None)
    assert "more questions" in stored.evidence
    worse = resolution({"64 px": asked(200, every(2, 200)), "256 px": asked(200, set())}, texts())
    assert stored_of(worse).chosen is None
    assert "every budget below 256 px is worse" in stored_of(worse).evidence


def test_nothing_answered_writes_no_file() -> None:
    found = resolution({"64 px": asked(20, set(), failed=20)}, texts())
    assert MEASURE.files(found, HEADER) == {}


def test_a_result_of_an_older_version_is_read() -> None:
    found = resolution({"64 px": asked(20, set()), "256 px": asked(20, set())}, texts())
    old = found.model_dump(
        exclude={"text_ttft": True, "lever": True, "budgets": {"__all__": {"ttft_range", "e2e_range"}}}
    )
    assert stored_of(Resolution.model_validate(old)).budgets[0].whole_s is None
