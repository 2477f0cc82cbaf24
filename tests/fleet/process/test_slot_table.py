"""Which slot a request gets: the one that knows its beginning, or the one whose prompt is worth least."""

import random

import pytest

from viewfinder.fleet.process import slot_table
from viewfinder.fleet.process.slot_table import PromptPiece, PromptPieces, SlotTable

PICTURE = PromptPiece(1, 6_000)
OTHERS_PICTURE = PromptPiece(2, 6_000)


def text(number: int) -> PromptPieces:
    return [PromptPiece(100 + number, 30)]


def asked(table: SlotTable, prompt: PromptPieces, *, is_idle: bool = True) -> int | None:
    """The slot of a request that begins and ends."""
    slot = table.take(prompt)
    if slot is not None:
        table.free(slot, is_idle=is_idle)
    return slot


def test_a_follow_up_gets_the_slot_of_its_picture_with_other_users_between() -> None:
    table = SlotTable(2)
    slot = asked(table, [PICTURE, *text(0)])
    others = {asked(table, text(number)) for number in range(1, 6)}
    assert others == {1 - (slot or 0)}
    assert asked(table, [PICTURE, *text(0), *text(7), *text(8)]) == slot


def test_another_question_about_the_same_picture_gets_its_slot_too() -> None:
    table = SlotTable(3)
    slots = [asked(table, [picture, *text(0)]) for picture in (PICTURE, OTHERS_PICTURE)]
    assert [asked(table, [picture, *text(1)]) for picture in (PICTURE, OTHERS_PICTURE)] == slots


def test_of_two_pictures_the_one_that_was_asked_about_long_ago_makes_room() -> None:
    """The older one had more words, and would have been worth more for ever."""
    table = SlotTable(2)
    older = asked(table, [OTHERS_PICTURE, *text(0), *text(1), *text(2)])
    newer = asked(table, [PICTURE, *text(3)])
    assert asked(table, text(4)) == asked(table, text(5)) == older
    assert asked(table, [PICTURE, *text(3), *text(6)]) == newer


def test_a_picture_that_is_not_asked_about_any_more_makes_room() -> None:
    """Else it would hold its slot for ever, and all texts would share what is left."""
    table = SlotTable(2)
    asked(table, [PICTURE, *text(0)])
    used = [asked(table, text(number)) for number in range(1, 400)]
    assert set(used) == {0, 1}


def test_a_request_never_waits_for_the_slot_that_knows_it() -> None:
    table = SlotTable(2)
    first = table.take([PICTURE])
    assert {first, table.take([PICTURE])} == {0, 1}
    assert table.take([PICTURE]) is None, "it is sent ahead, and the engine chooses"
    assert table.spare() is None
    table.free(0)
    table.hold(0, text(1))
    assert table.take(text(2)) is None


def test_a_slot_whose_request_was_given_up_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine cannot interrupt an image, and would let the next request wait for that slot."""
    now_s = 50.0
    monkeypatch.setattr(slot_table.time, "monotonic", lambda: now_s)
    table = SlotTable(2)
    given_up = asked(table, [PICTURE], is_idle=False)
    other = asked(table, [PICTURE], is_idle=False)
    assert {given_up, other} == {0, 1}
    assert table.take([PICTURE]) is None
    now_s += slot_table.DOUBTFUL_S
    assert table.take([PICTURE]) is not None


def test_a_canary_gets_the_slot_that_is_worth_least_and_the_next_request_gets_it_back() -> None:
    table = SlotTable(2)
    pictures = asked(table, [PICTURE])
    asked(table, text(1))
    spare = table.spare()
    assert spare != pictures
    assert asked(table, text(2)) == spare
    assert asked(table, [PICTURE, *text(3)]) == pictures


@pytest.mark.parametrize("seed", range(20))
def test_no_slot_is_given_twice_at_once(seed: int) -> None:
    rng, table, busy = random.Random(seed), SlotTable(3), set[int]()
    for _ in range(300):
        if busy and rng.random() < 0.5:
            table.free(busy.pop())
            continue
        slot = table.take([rng.choice((PICTURE, OTHERS_PICTURE)), *text(rng.randrange(4))])
        assert (slot is None) is (len(busy) == 3)
        assert slot not in busy
        busy |= {slot} if slot is not None else set()
