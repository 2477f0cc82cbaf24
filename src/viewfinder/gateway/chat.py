"""The story of one chat request, from its bytes to its answer.

Mounted by `app` at POST /v1/chat/completions, below the guards.
"""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from viewfinder.catalog.card import Variant
from viewfinder.core.config import Limits
from viewfinder.core.errors import CapabilityMissing, InvalidImage
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.relay import Relay, send_events, send_json, while_connected
from viewfinder.media.intake import Intake
from viewfinder.wire.chat import ChatRequest, ImageRef, parse_request

IGNORED_HEADER = "x-viewfinder-ignored"
"""Names what a request asked for that has no effect here."""


class Chat:
    """An ASGI endpoint; everything it does for a client ends when that client leaves."""

    def __init__(self, fleet: Fleet, intake: Intake, limits: Limits) -> None:
        self.fleet = fleet
        self.intake = intake
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await while_connected(receive, self.answer(body, send))

    async def answer(self, body: bytes, send: Send) -> None:
        """Everything that can be refused is refused before a model is loaded for it."""
        asked = parse_request(body, self.limits)
        request = asked.request
        self.require_capability(request)
        images = [await self.safe_image(image) for image in request.image_parts()]

        relay = Relay(self.fleet, request, request.for_engine(images))
        headers = {IGNORED_HEADER: ", ".join(asked.ignored)} if asked.ignored else {}
        if request.stream:
            await send_events(relay.chunks(), headers, send)
        else:
            await send_json(await relay.reply(), headers, send)

    def require_capability(self, request: ChatRequest) -> None:
        """The model is known, and can do what is asked of it."""
        variant = self.fleet.variant_of(request.model)
        if request.image_parts() and not variant.vision:
            raise CapabilityMissing(
                f"The model '{request.model}' cannot see images.",
                hint=self._who_else("vision"),
                param="messages",
                code="vision_not_supported",
            )
        if not request.image_parts() and not variant.text:
            raise CapabilityMissing(
                f"The model '{request.model}' answers only about images, and the request has none.",
                hint=f"Send an image with the question. {self._who_else('text')}".strip(),
                param="messages",
                code="image_required",
            )

    async def safe_image(self, image: ImageRef) -> str:
        """The data URL that engines get: decoded, checked and encoded again, never the caller's bytes."""
        try:
            safe = await self.intake.accept(image.url, detail=image.detail)
        except InvalidImage as error:
            error.param = image.param
            raise
        return safe.data_url

    def _who_else(self, capability: str) -> str:
        def can(variant: Variant) -> bool:
            return variant.vision if capability == "vision" else variant.text

        able = [card.name for card in self.fleet.cards() if any(map(can, card.variants))]
        return f"Models that can: {', '.join(able[:5])}." if able else ""
