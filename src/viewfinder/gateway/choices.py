"""Several answers to one request (`n`), with an engine request for each of them; made by `chat`.

One follows the other, so that the engine reads the prompt and its images once: it knows them again.
"""

import copy
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from viewfinder.gateway.relay import Relay
from viewfinder.wire.chat import ENGINE_SEEDS
from viewfinder.wire.replies import usage_chunk


class Choices:
    """As a relay; one choice after the other, in a stream too."""

    def __init__(self, relays: Sequence[Relay]) -> None:
        self.relays = relays

    @classmethod
    def of(cls, relay: Relay, count: int) -> "Choices":
        """`count` relays as this one, each with a seed of its own where the request has one."""
        relays = [copy.copy(relay) for _ in range(count)]
        for at, one in enumerate(relays):
            if at and "seed" in one.body:
                one.body = {**one.body, "seed": (one.body["seed"] + at) % ENGINE_SEEDS}
        return cls(relays)

    @property
    def ignored(self) -> list[str]:
        return self.relays[0].ignored

    @property
    def usage(self) -> Mapping[str, Any]:
        """What was produced by all of them; the prompt counts once."""
        return together([relay.usage for relay in self.relays])

    async def reply(self) -> dict[str, Any]:
        replies = [await relay.reply() for relay in self.relays]
        choices = [{**reply["choices"][0], "index": at} for at, reply in enumerate(replies)]
        reply = {**replies[0], "choices": choices}
        return reply | {"usage": self.usage} if "usage" in reply else reply

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        for at, relay in enumerate(self.relays):
            async with aclosing(relay.chunks()) as chunks:
                async for chunk in chunks:
                    if chunk["choices"]:
                        choices = [{**choice, "index": at} for choice in chunk["choices"]]
                        yield {**chunk, "choices": choices}
        first = self.relays[0]
        if first.request.include_usage and self.usage:
            yield usage_chunk(dict(self.usage), *first.envelope)


def together(usages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The usage of several answers to one prompt."""
    known = dict(usages[0])
    if not known:
        return known
    known["completion_tokens"] = sum(usage.get("completion_tokens", 0) for usage in usages)
    if "prompt_tokens" in known:
        known["total_tokens"] = known["prompt_tokens"] + known["completion_tokens"]
    return known
