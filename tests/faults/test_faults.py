"""One fault of an engine each, and what a client sees of it: a right answer or an error, and nothing else."""

import pytest

from tests.faults.conftest import Serving
from tests.faults.gateway import Reply
from viewfinder.engines.registry import engines

RED = Reply(200, "red", complete=True)


def test_the_engine_came_by_its_entry_point(plugin: None) -> None:
    assert engines()["faulty"].install == "pip install faulty-engine"


async def test_without_a_fault_it_answers(serving: Serving) -> None:
    faulty = await serving("none")
    assert [(await faulty.ask(color)).words for color in ("red", "blue", None)] == ["red", "blue", "none"]
    assert await faulty.ask(stream=False) == RED


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ("dies", "first"),
        ("dies-after-two", "first"),
        ("killed-while-loading", "first"),
        ("killed-for-memory", "first"),
        ("refuses", "always"),
        ("trickles", "always"),
        ("floods-stdout", "always"),
    ],
)
async def test_a_fault_that_a_fresh_process_mends_is_never_seen(
    serving: Serving, fault: str, when: str
) -> None:
    faulty = await serving(fault, when)
    assert [await faulty.ask() for _ in range(3)] == [RED] * 3


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("dies", Reply(502, "", "engine_died")),
        ("dies-while-loading", Reply(502, "", "engine_died")),
        ("dies-mid-stream", Reply(200, "some", "engine_died")),
        ("error-in-a-200", Reply(502, "", "engine_refused")),
        ("error-body", Reply(502, "", "engine_refused")),
        ("empty", Reply(502, "", "empty_answer")),
        ("wrong-order", Reply(502, "", "empty_answer")),
        ("garbage", Reply(502, "", "engine_refused")),
        ("no-newline", Reply(502, "", "engine_refused")),
    ],
)
async def test_a_fault_that_stays_is_an_error_and_no_answer(
    serving: Serving, fault: str, expected: Reply
) -> None:
    faulty = await serving(fault)
    assert await faulty.ask() == expected


async def test_an_engine_that_is_never_ready_is_given_up(serving: Serving) -> None:
    faulty = await serving("never-ready", start_timeout_s=1, start_attempts=1)
    assert await faulty.ask() == Reply(504, "", "engine_stalled")


async def test_a_second_call_that_fails_is_an_error(serving: Serving) -> None:
    faulty = await serving("second-call-fails")
    assert [await faulty.ask(), await faulty.ask()] == [RED, Reply(502, "", "engine_refused")]


async def test_the_previous_images_answer_is_what_the_faulty_engine_gives(serving: Serving) -> None:
    """The fault itself: the canary is to find it; no status and no error shows it."""
    faulty = await serving("previous-image")
    assert [(await faulty.ask(color)).words for color in ("red", "blue", "green")] == ["red", "red", "blue"]
