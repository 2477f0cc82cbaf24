"""One answer while it arrives: its words, and then its times and counts; made by `model`, read by `chat`,
`each_picture` and the CLI."""

import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from queue import SimpleQueue
from typing import Any

from viewfinder.core.errors import BadRequest, Busy, EngineError, EngineRefused, ViewfinderError

Chunks = AsyncGenerator[dict[str, Any], None]

AT_ONCE_S = 0.001
"""Pieces that are no further apart were read together; most engines send one token in a piece."""
LEAST_TIMED_S = 0.005
"""A shorter answer gives no rate."""


class StreamedAnswer:
    """Iterate it for the words, piece by piece; the other fields are known afterwards.

    `text` is all of the words so far, `model` the name of the one that answers, `id` that of the answer.
    Times are seconds of the monotonic clock, taken where the bytes arrive; `ttft_s` and `tokens_per_s` are
    defined as in `client/exchange`. Counts are None where none were reported.
    """

    def __init__(self, begin: Callable[[Coroutine[Any, Any, None]], "Future[None]"], chunks: Chunks) -> None:
        self.text = self.id = self.model = ""
        self.finish_reason = ""
        self.boxes: list[dict[str, Any]] = []
        self.not_placed: list[dict[str, str]] = []
        """The coordinates in it, in pixels of the pictures, and those that could not be placed."""
        self.prompt_tokens: int | None = None
        self.cached_tokens: int | None = None
        self.output_tokens: int | None = None
        self.is_stopped = False
        """Whether `stop` ended it before its own end."""
        self._words: SimpleQueue[str | None] = SimpleQueue()
        self._first_s: float | None = None
        self._last_s: float | None = None
        self._pieces_at_first = 0
        self._started_s = time.monotonic()
        self._work = begin(self._receive(chunks))
        self._work.add_done_callback(lambda _: self._words.put(None))

    def __iter__(self) -> Iterator[str]:
        """The words as they arrive; raises what `ask` raises. An iteration that is given up stops it."""
        try:
            while (word := self._words.get()) is not None:
                self.text += word
                yield word
            try:
                self._work.result()
            except CancelledError:
                return
            except EngineRefused as refusal:
                raise gateway_error(refusal) from None
        finally:
            self._work.cancel()

    def stop(self) -> None:
        """End it; what has arrived is the answer. May be called from a signal handler, and twice."""
        if not self._work.done():
            self.is_stopped = True
            self._work.cancel()

    @property
    def ttft_s(self) -> float | None:
        """From the request to the first text."""
        return None if self._first_s is None else self._first_s - self._started_s

    @property
    def total_s(self) -> float | None:
        """From the request to the end of the answer."""
        return None if self._last_s is None else self._last_s - self._started_s

    @property
    def tokens_per_s(self) -> float | None:
        """Of those after the first ones; None where nearly all of them came at once."""
        if self._first_s is None or self._last_s is None or self.output_tokens is None:
            return None
        later, took_s = self.output_tokens - self._pieces_at_first, self._last_s - self._first_s
        return later / took_s if later > 0 and took_s >= LEAST_TIMED_S else None

    async def _receive(self, chunks: Chunks) -> None:
        async with aclosing(chunks):
            async for chunk in chunks:
                self._take(chunk, time.monotonic())

    def _take(self, chunk: dict[str, Any], now_s: float) -> None:
        self.id, self.model = str(chunk.get("id", "")), str(chunk.get("model", ""))
        for choice in chunk.get("choices") or ():
            delta, reason = choice["delta"], choice.get("finish_reason")
            word = delta.get("content")
            self.boxes, self.not_placed = delta.get("boxes") or self.boxes, delta.get("not_placed") or []
            if word or reason:
                self._last_s = now_s
            if word:
                self._first_s = now_s if self._first_s is None else self._first_s
                self._pieces_at_first += now_s - self._first_s < AT_ONCE_S
                self._words.put(word)
            self.finish_reason = reason or self.finish_reason
        if usage := chunk.get("usage"):
            self.prompt_tokens = usage.get("prompt_tokens")
            self.output_tokens = usage.get("completion_tokens")
            self.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")


def gateway_error(refusal: EngineRefused) -> ViewfinderError:
    """The gateway's error with its code: a BadRequest when the request is at fault, Busy when it was full."""
    said = refusal.said
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        return refusal
    if refusal.status == 429:
        return Busy(str(said.get("message")), code=said["code"])
    kind = BadRequest if 400 <= refusal.status < 500 else EngineError
    return kind(str(said.get("message")), code=said["code"], param=said.get("param"))


def elsewhere(why: str) -> ViewfinderError:
    """The error of a model that is used in another process than the one that loaded it."""
    return ViewfinderError(
        f"The model {why}.",
        hint="Load it in that process, or give that one its base_url and api_key, for any OpenAI client.",
        code="other_process",
    )


async def close_words(words: AsyncGenerator[str, None]) -> None:
    """Stop an answer, as a coroutine."""
    await words.aclose()


async def next_word(words: AsyncGenerator[str, None]) -> str | None:
    """Its next piece; None at its end."""
    return await anext(words, None)
