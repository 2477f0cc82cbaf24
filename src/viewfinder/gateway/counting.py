"""How many tokens a request has with its images, said by its engine before it is run; mounted by `app` beside
the path of each API.

    POST /v1/chat/completions/input_tokens, /v1/responses/input_tokens, /v1/messages/count_tokens

A request takes the same way as one that is answered, so that its number is the `prompt_tokens` of the answer.
One that is too long for the model is counted, too.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from viewfinder.core.errors import EngineRefused, UnsupportedParameter
from viewfinder.fleet.process.lease import Lease
from viewfinder.gateway.chat import Chat, with_ignored
from viewfinder.gateway.relay import Relay, send_json, while_connected
from viewfinder.gateway.sender import sender
from viewfinder.wire.chat import ParsedRequest, renamed
from viewfinder.wire.dialect import Dialect
from viewfinder.wire.replies import clean_count

NO_SUCH_PATH = (404, 405, 501)
"""The statuses of a server that has no such path."""


class CountRelay(Relay):
    """Gets the count of one request, which must not be a stream."""

    takes_any_length, computes = True, False

    async def count(self) -> int:
        """Raises UnsupportedParameter where the engine cannot count, and what `reply` raises."""
        (tokens,) = [piece["input_tokens"] async for piece in self._cleaned_chunks()]
        return int(tokens)

    def _delivered(self, lease: Lease) -> None:
        """A count is no answer that may turn out to be wrong."""

    async def _attempt(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        endpoint = lease.client.endpoint
        asked = self._for_engine(endpoint)
        self.ignored = asked.ignored
        if not endpoint.count_path:
            raise self._cannot_count()
        try:
            raw = await lease.client.complete(asked.body, endpoint.count_path)
        except EngineRefused as refused:
            if refused.status in NO_SUCH_PATH:
                raise self._cannot_count() from None
            raise
        yield {"input_tokens": clean_count(raw)}

    def _cannot_count(self) -> UnsupportedParameter:
        return UnsupportedParameter(
            f"The engine of '{self.request.model}' does not count the tokens of a request.",
            hint="Send the request with a 'max_tokens' of 1: its usage has the number.",
            param="model",
        )


class Counting:
    """An ASGI endpoint: the requests of `chat`, or of a dialect of its own, are counted."""

    def __init__(self, chat: Chat, dialect: Dialect | None = None) -> None:
        self.chat, self.dialect = chat, dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        await while_connected(receive, self.answer([message.pop("body")], scope, send))

    async def answer(self, only: list[bytearray], scope: Scope, send: Send) -> None:
        """Count one request. The body is taken out of its list, as by `Chat`."""
        dialect = self.dialect or self.chat.dialect_of(scope)
        parsed = await self.chat.parser.parse(only.pop(), sender(scope).name, dialect)
        whole = parsed.request.model_copy(update={"stream": False, "stream_options": None})
        chat, attempt = self.chat, partial(self.attempt, scope=scope, send=send)
        with renamed(parsed.where):
            request = replace(parsed, request=whole)
            await chat.auto.answered(chat.fleet, chat.settings, request, scope, attempt, any_length=True)

    async def attempt(self, parsed: ParsedRequest, scope: Scope, send: Send) -> None:
        """Count the tokens for the model that the request names."""
        relay, headers = await self.chat.relay(parsed, scope, CountRelay)
        counted = parsed.answer.counted(await relay.count())
        await send_json(counted, with_ignored(headers, parsed, relay), send)
