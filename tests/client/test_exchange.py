"""The times of an exchange, from its time stamps."""

import pytest

from viewfinder.client.exchange import Exchange


def test_definitions_on_a_worked_example() -> None:
    exchange = Exchange(
        started_s=10.0,
        first_byte_s=10.4,
        first_token_s=10.5,
        last_token_s=11.1,
        finished_s=11.2,
        token_times_s=(10.5, 10.7, 11.0),
        completion_tokens=4,
    )
    assert exchange.ttft_s == pytest.approx(0.5)
    assert exchange.e2e_s == pytest.approx(1.2)
    assert exchange.itl_s == pytest.approx((0.2, 0.3))
    assert exchange.tpot_s == pytest.approx(0.6 / 3), "the first token's time belongs to the prompt"


def test_without_text_there_is_no_first_token() -> None:
    exchange = Exchange(started_s=1.0, finished_s=2.0)
    assert exchange.ttft_s is None
    assert exchange.tpot_s is None
    assert exchange.itl_s == ()


@pytest.mark.parametrize("tokens", [None, 0, 1])
def test_speed_needs_two_counted_tokens(tokens: int | None) -> None:
    stamps = {"started_s": 0.0, "first_token_s": 1.0, "last_token_s": 1.0, "finished_s": 1.0}
    exchange = Exchange(**stamps, token_times_s=(1.0,), completion_tokens=tokens)
    assert exchange.tpot_s is None


def test_a_late_reader_does_not_make_the_engine_faster() -> None:
    """A busy computer got the first 32 of 64 tokens in one read: 63 were divided by the time of 32."""
    exchange = Exchange(
        started_s=0.0,
        first_token_s=1.0,
        last_token_s=1.4,
        finished_s=1.4,
        token_times_s=(1.0, 1.0, 1.0, 1.2, 1.4),
        completion_tokens=5,
    )
    assert exchange.later_tokens == 2
    assert exchange.tpot_s == pytest.approx(0.2)
