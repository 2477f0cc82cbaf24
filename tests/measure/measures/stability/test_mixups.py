"""Whose answer an unsound one is."""

from itertools import pairwise

import pytest

from tests.measure.measures.stability.made_up import asked, color
from viewfinder.measure.measures.stability.mixups import (
    References,
    Shown,
    at_once,
    causes,
    in_a_row,
    references,
)
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.trouble import Code

FRESH = references([[asked(number) for number in range(8)]] * 2)


def row(process: list[Sample]) -> list[Shown]:
    return in_a_row(process, lambda one: True)


def counts(shown: list[Shown], fresh: References = FRESH) -> dict[Code, int]:
    return {code: len(ones) for code, ones in causes(shown, fresh).items()}


def test_right_answers_and_a_models_own_weakness_are_sound() -> None:
    weak = references([[asked(0, "Blue."), asked(1)], [asked(1), asked(0, "It is blue.")]])
    assert not causes(row([asked(0, "Blue."), asked(1), asked(0)]), weak)
    assert (weak.agreement.same, weak.agreement.asked, weak.agreement.processes) == (2, 2, 2)


def test_the_answer_of_the_picture_before() -> None:
    way = [0, 1, 2, 3, 4, 2, 5]
    process = [asked(0), *(asked(now, color(before)) for before, now in pairwise(way))]
    assert counts(row(process)) == {Code.PREV_IMAGE: 6}


def test_the_answer_of_the_first_picture() -> None:
    assert counts(row([asked(0), *(asked(number, color(0)) for number in (1, 2, 3, 1, 5))])) == {
        Code.FROZEN_IMAGE: 5
    }


def test_a_single_one_is_named() -> None:
    assert counts(row([asked(0), asked(1), asked(2, color(1)), asked(3)])) == {Code.PREV_IMAGE: 1}


def test_answers_that_chance_explains_have_no_cause() -> None:
    """One in seven of an engine's random colors is that of the picture before."""
    wild = [asked(0)]
    for number in range(1, 8):
        wild.append(asked(number, color(number - 1) if number == 4 else "Brown."))
    assert counts(row(wild)) == {Code.CANARY_DRIFT: 7}


def test_a_request_without_image_does_not_count_as_a_picture() -> None:
    found = row([asked(0), asked(None, "Paris."), asked(1, color(0))])
    assert [one.before and one.before.scene for one in found[1:]] == [asked(0).scene] * 2
    assert counts([one for one in found if one.sample.scene]) == {Code.PREV_IMAGE: 1}


def test_no_answer_is_no_mix_up() -> None:
    assert row([asked(0, error="engine_died: gone"), asked(1, "")]) == []


def test_without_agreement_the_right_answer_is_the_reference() -> None:
    """An engine that is frozen gives no references: each fresh process says of all what it saw first."""
    fresh = references([[asked(0), asked(1, color(0))], [asked(1), asked(0, color(1))]])
    assert fresh.answers == {}
    assert counts(row([asked(0), asked(1, color(0)), asked(2, color(0))]), fresh) == {Code.FROZEN_IMAGE: 2}


@pytest.mark.parametrize("crossed", [4, 1])
def test_the_answer_of_another_that_is_under_way(crossed: int) -> None:
    """With four at once, one that is another's is no more than chance gives, and four are."""
    process = [
        asked(number, color((number + 1) % 4) if number < crossed else None, at_s=0.1 * number)
        for number in range(4)
    ]
    expected = {Code.CROSS_REQUEST: 4} if crossed == 4 else {Code.CANARY_DRIFT: 1}
    assert counts(at_once(process)) == expected


def test_a_request_that_came_later_was_not_under_way() -> None:
    first, second = at_once([asked(0, at_s=0.0), asked(1, at_s=1.0)])
    assert first.beside == second.beside == ()


def test_pictures_with_one_answer_show_no_mix_up() -> None:
    same = references([[asked(0, "An image."), asked(1, "An image.")]] * 2)
    _, second = row([asked(0, "An image."), asked(1, "An image.")])
    assert not same.can_show(second)
    assert FRESH.can_show(second)
