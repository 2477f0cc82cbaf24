"""A streamed answer: its words, its times, and how it is stopped."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from viewfinder.api import streamed
from viewfinder.api.streamed import StreamedAnswer
from viewfinder.core.errors import BadRequest, Busy, EngineDied, EngineRefused

Chunk = dict[str, Any]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def answer(loop: asyncio.AbstractEventLoop, chunks: AsyncGenerator[Chunk, None]) -> StreamedAnswer:
    def begin(work: Coroutine[Any, Any, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(work, loop)

    return StreamedAnswer(begin, chunks)


def said(word: str, reason: str | None = None) -> Chunk:
    return {"choices": [{"delta": {"content": word} if word else {}, "finish_reason": reason}]}


def usage(tokens: int) -> Chunk:
    return {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": tokens}}


def test_its_words_and_counts(loop: asyncio.AbstractEventLoop) -> None:
    async def chunks() -> AsyncGenerator[Chunk, None]:
        yield said("One ")
        for _ in range(4):
            await asyncio.sleep(0.005)
            yield said("more ")
        yield said("", "length")
        yield usage(5)

    whole = answer(loop, chunks())
    assert list(whole) == ["One ", *["more "] * 4]
    assert (whole.text, whole.finish_reason) == ("One more more more more ", "length")
    assert (whole.prompt_tokens, whole.output_tokens, whole.cached_tokens) == (9, 5, None)
    assert whole.tokens_per_s is not None
    assert whole.tokens_per_s <= 4 / 0.02
    assert whole.ttft_s is not None
    assert whole.total_s is not None
    assert 0 <= whole.ttft_s < whole.total_s


def test_an_answer_that_came_at_once_has_no_rate(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tokens that were read together had 200,000 tokens/s."""
    monkeypatch.setattr(streamed, "time", SimpleNamespace(monotonic=lambda: 5.0))

    async def chunks() -> AsyncGenerator[Chunk, None]:
        for word in ("One", " two", "."):
            yield said(word)
        yield said("", "stop")
        yield usage(3)

    whole = answer(loop, chunks())
    assert "".join(whole) == "One two."
    assert whole.tokens_per_s is None


def test_stopped_it_keeps_what_has_arrived_and_closes_the_stream(loop: asyncio.AbstractEventLoop) -> None:
    closed = threading.Event()

    async def chunks() -> AsyncGenerator[Chunk, None]:
        try:
            yield said("One ")
            await asyncio.sleep(600)
        finally:
            closed.set()

    begun = answer(loop, chunks())
    for _ in begun:
        begun.stop()
        begun.stop()
    assert (begun.text, begun.is_stopped) == ("One ", True)
    assert closed.wait(5)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EngineDied("gone"), EngineDied),
        (EngineRefused("no", status=400, said={"message": "No.", "code": "invalid_image"}), BadRequest),
        (EngineRefused("no", status=429, said={"message": "Full.", "code": "queue_full"}), Busy),
        (EngineRefused("no", status=503, said={"message": "No."}), EngineRefused),
    ],
)
def test_its_failure_is_raised_behind_its_words(
    loop: asyncio.AbstractEventLoop, error: Exception, kind: type[Exception]
) -> None:
    async def chunks() -> AsyncGenerator[Chunk, None]:
        yield said("One ")
        raise error

    begun = answer(loop, chunks())
    with pytest.raises(kind):
        list(begun)
    assert (begun.text, begun.is_stopped) == ("One ", False)
