"""From timed requests with planted stamps to percentiles, speeds, first images and the cost of a new one."""

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.measure.measures.resolution.test_find import HEADER
from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.core.config import RunningServer
from viewfinder.fleet.record.measured_costs import StoredCosts
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.latency import MEASURE
from viewfinder.measure.measures.latency.find import new_image, prefill_rate, request_times
from viewfinder.measure.measures.latency.result import Latency, RequestTimes
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample

VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)
FAILED = Exchange(started_s=0.0, finished_s=0.001, error="engine_refused: The server refused: no")


def answer(
    ttft_s: float = 0.2, *, gap_s: float = 0.02, tokens: int = 5, prompt_tokens: int = 70, **timings: object
) -> Exchange:
    """An answer whose tokens come one by one, with the engine's own timings."""
    times = tuple(100.0 + ttft_s + gap_s * piece for piece in range(tokens))
    return Exchange(
        started_s=100.0,
        first_byte_s=times[0],
        first_token_s=times[0],
        last_token_s=times[-1],
        finished_s=times[-1],
        token_times_s=times,
        text="word " * tokens,
        prompt_tokens=prompt_tokens,
        completion_tokens=tokens,
        finish_reason="stop",
        timings=timings,
    )


def clocked(prompt_ms: float, *, prompt_n: int = 65, cache_n: int = 5, ttft_s: float = 0.2) -> Exchange:
    """An answer of an engine that reports how many tokens it read and remembered, and how long it took."""
    return answer(ttft_s, prompt_ms=prompt_ms, prompt_n=prompt_n, cache_n=cache_n)


def draws(processes: int, requests: int, seed: int = 1) -> list[list[Exchange]]:
    """Processes whose requests resemble each other no more than those of others."""
    rng = random.Random(seed)
    return [[answer(rng.lognormvariate(-1.5, 0.1)) for _ in range(requests)] for _ in range(processes)]


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def reason(measured: Any) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


def timed(processes: list[list[Exchange]], **more: Any) -> RequestTimes:
    found = request_times(processes, "things", **more)
    assert isinstance(found, RequestTimes), found
    return found


def test_percentiles_come_with_their_samples_and_intervals() -> None:
    found = timed(draws(11, 60))
    for spread in (found.ttft, found.e2e):
        p50, p95, p99 = figure(spread.p50), figure(spread.p95), figure(spread.p99)
        assert p50.value < p95.value < p99.value
        assert all(one.low < one.value < one.high for one in (p50, p95))
        assert {one.n for one in (p50, p95, p99)} == {660}
    assert figure(found.ttft.p50).value == pytest.approx(0.223, rel=0.05), "exp(-1.5)"
    assert figure(found.e2e.p50).value - figure(found.ttft.p50).value == pytest.approx(0.08, rel=1e-3)
    assert (
        figure(found.ttft.p95).how == "p95 over 11 fresh server processes: time to the first token of things"
    )


def test_a_gap_is_a_sample_of_itl_and_an_answer_one_of_tpot() -> None:
    found = timed([[answer(gap_s=0.02, tokens=5), answer(gap_s=0.04, tokens=5)] * 10] * 6)
    assert figure(found.itl.p50).n == 6 * 20 * 4
    assert figure(found.tpot.p50).n == 6 * 20
    assert (figure(found.itl.p50).value, figure(found.tpot.p95).value) == pytest.approx((0.03, 0.04))


@pytest.mark.parametrize(
    ("requests", "p95", "p99"), [(10, False, False), (13, True, False), (70, True, True)]
)
def test_a_percentile_that_cannot_be_enclosed_is_not_given(requests: int, p95: bool, p99: bool) -> None:
    found = timed([[answer(0.2)] * requests] * 6)
    assert isinstance(found.ttft.p50, Figure)
    assert isinstance(found.ttft.p95, Figure) == p95
    assert isinstance(found.ttft.p99, Figure) == p99
    if not p95:
        assert reason(found.ttft.p95) == "p95 needs 72 samples, there were 60"


def test_requests_that_resemble_each_other_are_fewer() -> None:
    """420 requests, but each process has a time of its own: they are no 368 independent ones, nor 72."""
    found = timed([[answer(0.1 * process)] * 60 for process in range(1, 8)])
    assert "resemble each other" in reason(found.ttft.p99)
    assert "resemble each other" in reason(found.ttft.p95)
    assert (figure(found.ttft.p50).value, figure(found.ttft.p50).n) == (pytest.approx(0.338, abs=1e-3), 420)
    assert figure(found.ttft.p50).high > 0.5, "the interval is over seven processes"


def test_pieces_that_come_in_bursts_have_no_median_gap() -> None:
    burst = answer(tokens=9)
    late = dataclasses.replace(burst, token_times_s=(*burst.token_times_s[:2], *[burst.token_times_s[2]] * 7))
    found = timed([[late] * 20] * 6)
    assert "came together with the one before" in reason(found.itl.p50)
    assert isinstance(found.itl.p95, Figure)


def test_failures_are_never_timed() -> None:
    found = timed([[*[answer()] * 19, FAILED]] * 6)
    assert figure(found.ttft.p50).n == 6 * 19
    found = timed([[answer(), FAILED]] * 6)
    for measured in (found.ttft.p50, found.itl.p50, found.tpot.p50, found.e2e.p50, found.prefill_rate):
        assert reason(measured).startswith("6 of 12 timed requests failed")


def test_an_answer_in_one_piece_has_no_gaps() -> None:
    whole = dataclasses.replace(answer(tokens=1), completion_tokens=40)
    found = timed([[whole] * 10] * 6)
    assert "too few pieces" in reason(found.itl.p50)
    assert isinstance(found.e2e.p50, Figure)


def test_what_the_suite_does_not_ask_is_no_part_of_it() -> None:
    assert reason(request_times([[], []], "things")) == "the suite does not ask it"
    assert reason(request_times([], "things")) == "the suite does not ask it"


def test_prefill_is_what_was_read_over_how_long() -> None:
    rate = figure(prefill_rate([[clocked(100.0), clocked(300.0)]] * 6))
    assert (rate.value, rate.n, rate.unit) == (pytest.approx(130 / 0.4), 12, "tokens/s")


def test_an_engine_that_reports_no_times_has_no_prefill_speed() -> None:
    assert "does not report" in reason(prefill_rate([[answer()]] * 6))


def test_an_image_that_is_counted_as_one_token_gives_no_speed() -> None:
    """llama.cpp 5336: 429,987 ms and one token."""
    assert "fewer tokens than the prompt has" in reason(
        prefill_rate([[clocked(429_987.0, prompt_n=1, cache_n=0)]] * 6)
    )


@pytest.mark.parametrize(
    ("prompt_n", "cache_n", "words"),
    [
        (65, 5, ""),
        (70, 69, "counts tokens twice"),
        (66, 5, "counts tokens twice"),
        (64, 5, "fewer tokens than the prompt has"),
    ],
    ids=["all of the prompt", "cached ones among those read", "one too many", "one too few"],
)
def test_counts_that_do_not_add_up_to_the_prompt_give_no_speed(
    prompt_n: int, cache_n: int, words: str
) -> None:
    """An engine that counts the tokens that it remembered among those that it read seemed faster than it is:
    its prefill speed was tokens of the whole prompt over the time for a part of it."""
    rate = prefill_rate([[clocked(100.0, prompt_n=prompt_n, cache_n=cache_n), clocked(100.0)]] * 6)
    if words:
        assert words in reason(rate)
    else:
        assert isinstance(rate, Figure)


def test_a_prompt_of_unknown_length_is_believed() -> None:
    one = dataclasses.replace(clocked(100.0, prompt_n=65, cache_n=69), prompt_tokens=None)
    assert figure(prefill_rate([[one]] * 6)).value == pytest.approx(650)


def test_true_is_no_number() -> None:
    """`true` in an engine's timings was one token, or a millisecond: Python counts it as 1."""
    for timings in ({"prompt_n": True, "prompt_ms": 100.0}, {"prompt_n": 65, "prompt_ms": True}):
        assert "does not report" in reason(prefill_rate([[answer(**timings)]] * 6))
    hit = answer(prompt_n=70, prompt_ms=100.0, cache_n=True)
    assert figure(prefill_rate([[hit]] * 6)).value == pytest.approx(700), "none of 70 was remembered"


def test_what_is_remembered_is_no_reading() -> None:
    found = timed([[clocked(1.0, prompt_n=1, cache_n=69)] * 3] * 6, is_new=False)
    assert "from its cache" in reason(found.prefill_rate)
    assert isinstance(found.decode_rate, Figure)


def test_a_new_image_costs_what_a_repeat_does_not_by_the_engines_clock() -> None:
    new = [[clocked(40.0, ttft_s=9.0)] * 3] * 6
    again = [[clocked(2.0, prompt_n=1, cache_n=69, ttft_s=8.0)] * 3] * 6
    cost = figure(new_image(new, again))
    assert (cost.value, cost.n, cost.unit) == (pytest.approx(0.038), 6, "s")
    assert "the engine's own time for the prompt" in cost.how
    assert cost.how.endswith("; 36 requests")


def test_a_new_image_costs_the_difference_of_first_tokens_elsewhere() -> None:
    cost = figure(new_image([[answer(0.5)]] * 6, [[answer(0.1)]] * 6))
    assert cost.value == pytest.approx(0.4)
    assert "6 fresh server processes: time to the first token with a new 512 px image" in cost.how


def test_an_engine_that_caches_no_image_shows_nothing_of_its_cost() -> None:
    new = [[clocked(40.0)] * 3] * 6
    assert "does not cache images" in reason(new_image(new, [[clocked(39.0)] * 3] * 6))
    rng = random.Random(1)

    def noisy() -> list[list[Exchange]]:
        return [[answer(rng.gauss(0.5, 0.05)) for _ in range(5)] for _ in range(7)]

    assert "took no less time" in reason(new_image(noisy(), noisy()))


@pytest.mark.parametrize(
    ("new", "again", "words"),
    [
        ([[answer()]] * 6, [[]] * 6, "the suite does not ask it"),
        ([[FAILED]] * 6, [[answer()]] * 6, "6 of 6 timed requests failed"),
        ([[answer()]] * 6, [[FAILED]] * 6, "6 of 6 timed requests failed"),
        ([[]] * 6, [[answer()]] * 6, "nothing was asked"),
    ],
)
def test_half_a_difference_is_none(
    new: list[list[Exchange]], again: list[list[Exchange]], words: str
) -> None:
    assert words in reason(new_image(new, again))


def sample(scenario: str, exchange: Exchange) -> Sample:
    return Sample("run", "m", 1, scenario, "?", exchange, scene="a scene")


def process(number: int, **kinds: list[Exchange]) -> ProcessLog:
    """A process with these requests of each kind."""
    return ProcessLog(number, [sample(kind, one) for kind, some in kinds.items() for one in some])


def latency(logs: list[ProcessLog], variant: Variant = VARIANT) -> Latency:
    found = MEASURE.find(logs, MEASURE.counts["standard"], variant)
    assert isinstance(found, Latency), found
    return found


def processes(first: Callable[[int], Exchange | None], later_s: float = 0.2) -> list[ProcessLog]:
    """Seven, each with its `first` image of all (None: it was not ours to start)."""
    return [
        process(
            number,
            load=[one] if (one := first(number)) else [],
            images=[answer()],
            texts=[answer()],
            short=[answer(later_s)] * 3,
        )
        for number in range(7)
    ]


def test_the_first_image_is_told_apart_from_later_ones() -> None:
    found = latency(processes(lambda number: answer(0.3 + number / 1000)))
    assert figure(found.first_image).value == pytest.approx(0.303, abs=1e-4)
    assert figure(found.later_images).value == pytest.approx(0.2)
    slower = figure(found.first_slower)
    assert (slower.value, slower.n) == (pytest.approx(1.515, abs=1e-3), 7)
    assert slower.low > 1.4


def test_a_first_image_without_an_answer_is_reported() -> None:
    found = latency(processes(lambda number: answer() if number else FAILED))
    assert reason(found.first_image) == reason(found.first_slower) == "1 of 7 first images had no answer"


def test_a_server_that_ran_already_has_no_first_image() -> None:
    there = VARIANT.model_copy(update={"server": RunningServer(base_url="http://127.0.0.1:9", model="x")})
    found = latency(processes(lambda number: None), there)
    assert "not ours" in reason(found.first_image)
    assert isinstance(found.short, RequestTimes)
    assert figure(found.short.ttft.p50).how.startswith(
        "geometric mean of the medians of 7 sessions with a server that was running already: time to"
    )


def test_new_images_and_repeats_are_never_mixed() -> None:
    logs = [process(number, images=[answer(0.5)], repeats=[answer(0.1)] * 3) for number in range(7)]
    found = latency(logs)
    assert isinstance(found.images, RequestTimes)
    assert isinstance(found.repeats, RequestTimes)
    assert (figure(found.images.ttft.p50).value, figure(found.images.ttft.p50).n) == (pytest.approx(0.5), 7)
    assert (figure(found.repeats.ttft.p50).value, figure(found.repeats.ttft.p50).n) == (
        pytest.approx(0.1),
        21,
    )
    assert reason(found.short) == reason(found.texts) == "the suite does not ask it"


def test_what_a_pause_adds_is_told() -> None:
    def paused(number: int) -> ProcessLog:
        after = {"paused/0.2": [answer(0.21)] * 3, "paused/2": [answer(0.4 + number / 1000)] * 3}
        return process(number, short=[answer(0.2)] * 3, **after)

    found = latency([paused(number) for number in range(7)])
    moment, longer = found.paused
    assert (moment.pause_s, longer.pause_s) == (0.2, 2.0)
    assert figure(longer.ttft.p50).value == pytest.approx(0.403, abs=1e-4)
    assert figure(moment.slower).value == pytest.approx(1.05)
    slower = figure(longer.slower)
    assert (slower.value, slower.n) == (pytest.approx(2.015, abs=1e-3), 7)
    assert "2 s after the answer before" in slower.how
    (limit,) = MEASURE.facts(found).limits
    assert limit.startswith("after a pause of 2 s an image takes 2.0 times (")
    assert limit.endswith("as long as back to back: +203 ms")


def test_a_pause_that_adds_little_is_no_remark() -> None:
    logs = [process(number, short=[answer()], **{"paused/2": [answer(0.21)]}) for number in range(7)]
    (only,) = latency(logs).paused
    assert only.pause_s == 2.0
    assert MEASURE.facts(latency(logs)).limits == ()


def test_what_estimates_need_is_in_a_file() -> None:
    logs = [
        process(
            number,
            images=[answer(0.5, tokens=21)] * 5,
            short=[answer(0.2)] * 5,
            texts=[answer(0.1)] * 5,
        )
        for number in range(6)
    ]
    [(path, content)] = MEASURE.files(latency(logs), HEADER).items()
    assert path == "costs/m/v/latency.json"
    costs = StoredCosts.model_validate_json(content).costs
    assert costs["image_first_s"].value == pytest.approx(0.2)
    assert costs["text_first_s"].value == pytest.approx(0.1)
    assert {"image_whole_s", "token_s"} <= costs.keys()
    texts = MEASURE.files(latency([process(number, texts=[answer(0.1)] * 5) for number in range(6)]), HEADER)
    assert "image_first_s" not in StoredCosts.model_validate_json(texts[path]).costs
