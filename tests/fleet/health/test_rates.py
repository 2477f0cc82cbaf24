"""What is learned of a machine's pace, and what is not to be fooled by."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from viewfinder.fleet.health.rates import REMEMBERED, Longest, Rates, longest_for
from viewfinder.fleet.record.request_shape import RequestShape

KEPT = TypeAdapter(Rates)


def size(pixels: int, characters: int) -> RequestShape:
    return RequestShape(pixels=pixels, characters=characters)


SIZES = st.builds(size, st.integers(0, 10**7), st.integers(0, 10**5))
SECONDS = st.floats(0, 1e4)
EXCHANGES = st.lists(st.tuples(SIZES, SECONDS, st.none() | SECONDS), max_size=100)


def learned(exchanges) -> Rates:
    rates = Rates.unknown()
    for shape, first_s, gap_s in exchanges:
        rates.observe(shape, first_s, gap_s)
    return rates


def test_nothing_is_expected_before_anything_was_measured() -> None:
    assert Rates.unknown().expect(size(0, 10)) is None
    images_only = learned([(size(10**5, 10), 2.0, 0.1)])
    assert images_only.expect(size(0, 10)) is None


FASTER_SHORT_TEXT_LATER = [(size(0, 112), 1.0, None), (size(1, 0), 1.0, None), (size(0, 0), 0.0, None)]
"""The image's time was taken for half text, by the bound of a longer text; that bound fell afterwards."""


@settings(deadline=None)
@example(FASTER_SHORT_TEXT_LATER)
@given(EXCHANGES)
def test_what_was_measured_is_never_expected_to_be_faster(exchanges) -> None:
    rates = learned(exchanges)
    for shape, first_s, gap_s in exchanges:
        expected = rates.expect(shape)
        if expected is None:
            assert shape.pixels == 0
            continue
        assert expected.first_s >= first_s * (1 - 1e-9)
        assert expected.gap_s >= (gap_s or 0)


@settings(deadline=None)
@given(EXCHANGES, SIZES)
def test_an_expectation_is_finite_and_survives_json(exchanges, shape) -> None:
    rates = learned(exchanges)
    expected = rates.expect(shape)
    assert expected is None or 0 <= expected.first_s < math.inf
    assert KEPT.validate_json(KEPT.dump_json(rates)) == rates


def test_a_hundred_answers_from_a_cache_do_not_make_a_fresh_prompt_look_stuck() -> None:
    shape = size(512 * 512, 200)
    rates = learned([(shape, 30.0, 0.2), *[(shape, 0.05, 0.01)] * 100])
    expected = rates.expect(shape)
    assert expected is not None
    assert expected.first_s >= 30.0
    assert expected.gap_s == 0.2


def test_one_bad_moment_is_forgotten() -> None:
    longest = Longest().noting(600.0)
    for _ in range(2 * REMEMBERED):
        longest = longest.noting(1.0)
    assert longest.seconds == 1.0


def test_sizes_that_were_not_measured_are_bounded_by_those_that_were() -> None:
    rates = learned([(size(0, 600), 1.0, None), (size(0, 15_600), 20.0, None)])
    short, between, long = (rates.expect(size(0, n)) for n in (10, 3_600, 63_600))
    assert short is not None
    assert between is not None
    assert long is not None
    assert short.first_s == 1.0
    assert between.first_s == 4.0  # four times the smaller; the larger would allow 20
    assert long.first_s == 80.0


def test_of_an_images_time_its_own_text_is_taken_off() -> None:
    rates = learned([(size(0, 15_600), 20.0, None), (size(512 * 512, 15_600), 22.0, None)])
    alone = rates.expect(size(512 * 512, 10))
    assert alone is not None
    assert alone.first_s == pytest.approx(20.0 + 11.0)  # half of 22 s, and the text's own bound
    assert longest_for(512 * 512, rates.image) == 11.0


@pytest.mark.parametrize("first_s", [math.nan, math.inf, -1.0])
def test_what_is_no_duration_teaches_nothing(first_s) -> None:
    rates = learned([(size(0, 10), first_s, None), (size(0, 10), 1.0, first_s)])
    expected = rates.expect(size(0, 10))
    assert expected is not None
    assert (expected.first_s, expected.gap_s) == (1.0, 1.0)


@pytest.mark.parametrize(
    "kept",
    [{}, {"text": {}, "image": {}}, {"text": {"a": [1, 1, 1]}, "image": {}, "gap": [0, 0, 0]},
     {"text": {}, "image": {}, "gap": [0, -1, 0]}, {"text": {}, "image": {}, "gap": ["", 0, 0]},
     {"text": 3, "image": {}, "gap": [0, 0, 0]}],
)  # fmt: skip
def test_what_was_not_kept_by_us_is_refused(kept) -> None:
    with pytest.raises(ValueError, match="Rates"):
        KEPT.validate_python(kept)
