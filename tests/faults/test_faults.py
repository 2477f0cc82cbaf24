"""One fault of an engine each, and what a client sees of it: a right answer or an error, and nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.faults.conftest import Ask, Reply
from viewfinder.engines.registry import engines

Start = Callable[..., Awaitable[Ask]]
RED = Reply(200, "red", "")


def test_the_engine_came_by_its_entry_point(plugin: None) -> None:
    assert engines()["faulty"].install == "pip install faulty-engine"


async def test_without_a_fault_it_answers(serving: Start) -> None:
    ask = await serving("none")
    assert [await ask(color) for color in ("red", "blue", None)] == [
        RED,
        Reply(200, "blue", ""),
        Reply(200, "none", ""),
    ]


@pytest.mark.parametrize("fault", ["dies-at-the-first-request", "dies-after-two", "killed-while-loading"])
async def test_a_fault_that_a_fresh_process_mends_is_never_seen(serving: Start, fault: str) -> None:
    ask = await serving(fault)
    assert [await ask("red") for _ in range(4)] == [RED] * 4


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("dies-at-every-request", Reply(502, "", "engine_died")),
        ("dies-while-loading", Reply(502, "", "engine_died")),
        ("dies-mid-stream", Reply(200, "some", "engine_died")),
        ("error-in-a-200", Reply(502, "", "engine_refused")),
        ("error-body", Reply(502, "", "engine_refused")),
        ("empty", Reply(502, "", "empty_answer")),
        ("garbage", Reply(502, "", "engine_refused")),
    ],
)
async def test_a_fault_that_stays_is_an_error_and_no_answer(
    serving: Start, fault: str, expected: Reply
) -> None:
    ask = await serving(fault)
    assert await ask("red") == expected


async def test_an_engine_that_is_never_ready_is_given_up(serving: Start) -> None:
    ask = await serving("never-ready", start_timeout_s=1, deaths=1)
    assert await ask("red") == Reply(504, "", "engine_stalled")


async def test_a_second_call_that_fails_is_an_error(serving: Start) -> None:
    ask = await serving("second-call-fails")
    assert [await ask("red"), await ask("red")] == [RED, Reply(502, "", "engine_refused")]


async def test_the_previous_images_answer_is_what_the_faulty_engine_gives(serving: Start) -> None:
    """The fault itself: the canary is to find it; no status and no error shows it."""
    ask = await serving("previous-image")
    said: list[Any] = [(await ask(color)).words for color in ("red", "blue", "green")]
    assert said == ["red", "red", "blue"]
