"""POST /v1/completions: a text is continued as it is, without a chat template; mounted by `app`.

Its limits, leases, retries and canary are those of a chat request (`wire/completions`).
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import EngineRefused, UnsupportedParameter
from viewfinder.fleet.process.lease import Lease
from viewfinder.gateway.boxes import AnyRelay
from viewfinder.gateway.chat import Chat
from viewfinder.gateway.counting import NO_SUCH_PATH
from viewfinder.gateway.fitting import fit_fields
from viewfinder.gateway.relay import Relay
from viewfinder.gateway.tools import EngineBody
from viewfinder.wire.completions import as_chat
from viewfinder.wire.dialect import Answer


class EngineText(EngineBody):
    """A text for one engine. Raises UnsupportedParameter where it takes none."""

    def __init__(self, model: str, body: Mapping[str, Any], endpoint: Endpoint) -> None:
        if not endpoint.completion_path:
            raise takes_no_text(model)
        own = {name: body[name] for name in body if name not in ("messages", "logprobs", "top_logprobs")}
        ignored = fit_fields(own, endpoint)
        own["prompt"] = body["messages"][0]["content"]
        if body.get("logprobs"):
            own["logprobs"] = body["top_logprobs"]
        super().__init__(own, endpoint.completion_path, ignored)

    def read(self, raw: dict[str, Any]) -> dict[str, Any]:
        return as_chat(raw)


class CompletionRelay(Relay):
    """Gets the answer to one request."""

    def _for_engine(self, endpoint: Endpoint) -> EngineBody:
        return EngineText(self.request.model, self.body, endpoint)

    async def _attempt(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        try:
            async with aclosing(super()._attempt(lease)) as pieces:
                async for piece in pieces:
                    yield piece
        except EngineRefused as refused:
            if refused.status in NO_SUCH_PATH:
                raise takes_no_text(self.request.model) from None
            raise

    def _allow_silence(self, choices: Iterable[Mapping[str, Any]]) -> None:
        """A text may be complete as it is."""


class CompletionChat(Chat):
    """The endpoint."""

    kind = CompletionRelay

    async def whole(self, relay: AnyRelay, answer: Answer, headers: dict[str, str]) -> dict[str, Any]:
        reply = await relay.reply()
        if any(choice.get("logprobs") for choice in reply["choices"]):  # thousands of small objects
            return await asyncio.to_thread(answer.whole, reply)
        return answer.whole(reply)


def takes_no_text(model: str) -> UnsupportedParameter:
    return UnsupportedParameter(
        f"The engine of '{model}' continues no text as it is.",
        hint="Send messages to POST /v1/chat/completions, or use a variant on llama.cpp.",
        param="model",
    )
