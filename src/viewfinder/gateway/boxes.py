"""The boxes and points of an answer in pixels of the picture that was sent, beside its words; used by `chat`.

Only for models whose card names the style of their coordinates, and only where an answer has some.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from viewfinder.catalog.card import Variant
from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.choices import Choices
from viewfinder.gateway.image_budget import started_tokens
from viewfinder.gateway.relay import Relay
from viewfinder.media.safe_image import SafeImage
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.messages import texts_of
from viewfinder.wire.placing import ImageGrid, SeenPicture, place_answer

LONG_TEXT = 16 * 1024
"""Characters; a longer answer is read in a thread."""
LEAST_TOKENS_ARG = "--image-min-tokens"
IMAGE_TOKENS_ENGINE = "llama.cpp"
"""Has the setting `image_tokens`."""


class Placing:
    """What is needed to place the coordinates of one request's answers: each in a picture of the request, the
    last one unless the answer names another.

    `begun` is the beginning of the answers that is in the request.
    """

    def __init__(
        self,
        style: CoordinateStyle,
        grid: ImageGrid | None,
        pictures: Sequence[SeenPicture],
        begun: str = "",
    ) -> None:
        self.style, self.grid, self.pictures, self.begun = style, grid, pictures, begun

    @classmethod
    def of(
        cls,
        request: ChatRequest,
        variant: Variant,
        images: Sequence[SafeImage],
        grid: ImageGrid | None,
    ) -> "Placing | None":
        """None where nothing is looked for: the style is not known, or a picture is not, or there is none."""
        pictures = [image.seen for image in images if image.seen is not None]
        if variant.coordinates is None or not images or len(pictures) < len(images):
            return None
        last = request.messages[-1]
        begun = "".join(texts_of(last)) if last.role == "assistant" else ""
        return cls(variant.coordinates, grid, pictures, begun)

    async def fields(self, text: str) -> dict[str, Any]:
        """The fields that a message with this text gets; none where it has no coordinates."""
        whole = self.begun + text
        known = (whole, self.style, self.grid, self.pictures)
        if len(whole) <= LONG_TEXT:
            return place_answer(*known).fields()
        return (await asyncio.to_thread(place_answer, *known)).fields()


def grid_of(fleet: Fleet, model: str, variant: Variant, settings: EngineSettings) -> ImageGrid | None:
    """How the engine of a model resizes a picture now; None where that is not known."""
    if variant.coordinates is None or variant.image_grid is None or variant.engine != IMAGE_TOKENS_ENGINE:
        return variant.image_grid
    return grid_with(variant.image_grid, settings.args, started_tokens(fleet, model, variant))


def grid_with(grid: ImageGrid, args: Sequence[str], image_tokens: int) -> ImageGrid | None:
    """The same for llama.cpp with these words on its command line, and this setting (0: its default)."""
    if any(word.startswith(LEAST_TOKENS_ARG) for word in args):
        return None
    if not image_tokens:
        return grid
    return grid.model_copy(update={"most_pixels": image_tokens * grid.multiple**2})


class PlacedRelay:
    """As a relay, with the coordinates beside the words: in a message, or in the last delta of a stream."""

    def __init__(self, relay: Relay | Choices, placing: Placing) -> None:
        self.relay, self.placing = relay, placing

    @property
    def ignored(self) -> list[str]:
        return self.relay.ignored

    @property
    def usage(self) -> Mapping[str, Any]:
        return self.relay.usage

    async def reply(self) -> dict[str, Any]:
        reply = await self.relay.reply()
        for choice in reply["choices"]:
            message = choice["message"]
            message.update(await self.placing.fields(message.get("content") or ""))
        return reply

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        texts: defaultdict[int, list[str]] = defaultdict(list)
        async with aclosing(self.relay.chunks()) as chunks:
            async for chunk in chunks:
                for choice in chunk["choices"]:
                    texts[choice["index"]].append(choice["delta"].get("content") or "")
                    if choice["finish_reason"] is not None:
                        choice["delta"] |= await self.placing.fields("".join(texts.pop(choice["index"])))
                yield chunk


AnyRelay = Relay | Choices | PlacedRelay
"""What gives the answers to one request."""
