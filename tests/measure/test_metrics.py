"""From exchanges with planted stamps to figures."""

import dataclasses

import pytest

from viewfinder.client.exchange import Exchange
from viewfinder.measure import metrics
from viewfinder.measure.figures import Figure, Measured, Missing


def answer(e2e_s: float = 1.0, *, ttft_s: float = 0.2, tokens: int | None = 5, pieces: int = 4) -> Exchange:
    """An answer whose tokens come evenly between its first and its end."""
    step_s = (e2e_s - ttft_s) / max(1, pieces - 1)
    times = tuple(100.0 + ttft_s + step_s * piece for piece in range(pieces))
    return Exchange(
        started_s=100.0,
        first_byte_s=times[0],
        first_token_s=times[0],
        last_token_s=100.0 + e2e_s,
        finished_s=100.0 + e2e_s,
        token_times_s=times,
        text="word " * pieces,
        completion_tokens=tokens,
        finish_reason="stop",
    )


FAILED = Exchange(started_s=0.0, finished_s=0.001, error="engine_refused: The server refused: no")
EMPTY = Exchange(started_s=0.0, finished_s=0.001, finish_reason="stop", completion_tokens=1)


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def reason(measured: Measured) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


def e2e(exchange: Exchange) -> float | None:
    return exchange.e2e_s


def test_mean_counts_requests_and_spreads_over_processes() -> None:
    processes = [[answer(process), answer(process)] for process in (1.0, 1.0, 2.0, 3.0, 4.0, 4.0)]
    mean = figure(metrics.mean(processes, e2e, "s", "wall time"))
    assert (mean.value, mean.n, mean.unit, mean.is_range) == (pytest.approx(2.5), 12, "s", False)
    over_requests = 1.96 * 1.26 / 12**0.5
    assert mean.high - 2.5 == pytest.approx(2.5 - mean.low)
    assert mean.high - 2.5 > 1.4 * over_requests, "six processes, not twelve"
    assert "12 requests, 6 fresh server processes" in mean.how


def test_the_median_of_each_process_and_what_is_typical_of_them() -> None:
    processes = [
        [answer(0.5), answer(process), answer(99.0)] for process in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    ]
    median = figure(metrics.median(processes, e2e, "s", "wall time"))
    assert (median.value, median.n) == (pytest.approx(5040 ** (1 / 7)), 21)
    assert (median.low, median.high) == (pytest.approx(1.794, abs=1e-3), pytest.approx(6.368, abs=1e-3))
    assert "geometric mean of the processes' median wall time" in median.how


def test_too_few_processes_give_their_range_and_no_interval() -> None:
    processes = [[answer(process)] * 50 for process in (1.0, 2.0, 4.0)]
    for measured in (metrics.mean(processes, e2e, "s", "x"), metrics.median(processes, e2e, "s", "x")):
        assert (figure(measured).low, figure(measured).high, figure(measured).n) == (1.0, 4.0, 150)
        assert figure(measured).is_range
        assert figure(measured).how.endswith("; the range, for an interval needs 6 of them")
    assert not figure(metrics.median(processes * 2, e2e, "s", "x")).is_range
    assert "nothing was asked" in reason(metrics.median([[], []], e2e, "s", "wall time"))
    assert "nothing was asked" in reason(metrics.mean([[], []], e2e, "s", "wall time"))


@pytest.mark.parametrize("bad", [FAILED, EMPTY])
def test_a_failed_or_empty_answer_is_never_timed(bad: Exchange) -> None:
    processes = [[*[answer(1.0)] * 10, bad]] * 4
    mean = figure(metrics.mean(processes, e2e, "s", "wall time"))
    assert (mean.value, mean.n) == (pytest.approx(1.0), 40)


def test_many_failures_leave_no_figure() -> None:
    processes = [[answer(), answer(), FAILED]] * 6
    text = reason(metrics.mean(processes, e2e, "s", "wall time"))
    assert text == "6 of 18 timed requests failed; the first: engine_refused: The server refused: no"
    assert reason(metrics.decode_rate(processes)) == text


def test_failures_are_told() -> None:
    assert metrics.failures("image", [answer(), EMPTY]) == (
        "1 of 2 image requests failed; the first: the answer was empty"
    )
    assert metrics.failures("image", [answer()]) == ""


def test_decode_rate_leaves_the_first_token_out() -> None:
    fast, slow = answer(1.2, ttft_s=0.2, tokens=11, pieces=10), answer(4.2, ttft_s=0.2, tokens=11, pieces=10)
    rate = figure(metrics.decode_rate([[fast, slow]] * 4))
    assert rate.value == pytest.approx(20 / 5.0), "all tokens over all time: no mean of speeds"
    assert (rate.low, rate.high) == pytest.approx((rate.value, rate.value))
    assert (rate.n, rate.unit) == (8, "tokens/s")


def test_decode_rate_needs_counts_and_a_stream() -> None:
    assert "how many tokens" in reason(metrics.decode_rate([[answer(tokens=None)]] * 5))
    one_piece = answer(tokens=40, pieces=1)
    at_once = dataclasses.replace(one_piece, last_token_s=one_piece.first_token_s)
    assert "too few pieces" in reason(metrics.decode_rate([[at_once]] * 5))
    assert "too few pieces" in reason(metrics.decode_rate([[answer(tokens=40, pieces=3)]] * 5))
    assert "too few pieces" in reason(metrics.decode_rate([[answer(tokens=1, pieces=1)]] * 5))


def test_what_the_engine_does_not_tell_is_missing() -> None:
    processes = [[answer(tokens=None)]] * 7
    assert reason(metrics.mean(processes, lambda x: x.completion_tokens, "tokens", "")) == (
        "not reported by the engine"
    )


def test_drift_is_told_when_it_is_steady_and_large() -> None:
    assert "1.60 times" in metrics.drift([[answer(1.0 + process / 10)] for process in range(7)])
    assert metrics.drift([[answer(1.0 + process / 1000)] for process in range(7)]) == "", "too small"
    assert metrics.drift([[answer(time)] for time in (1.0, 2.0, 1.1, 1.9, 1.2, 1.8, 1.3)]) == "", "not steady"
    assert metrics.drift([[answer(1.0)]] * 7) == ""
    assert metrics.drift([]) == ""
