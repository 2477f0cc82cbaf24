"""The story of one chat request, from its bytes to its answer.

Mounted by `app` at POST /v1/chat/completions, below the guards.
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from viewfinder.core.config import Settings
from viewfinder.core.errors import InvalidImage
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.gateway.capability import require_capability
from viewfinder.gateway.relay import Relay, send_events, send_json, while_connected
from viewfinder.media.intake import Intake, SafeImage
from viewfinder.wire.chat import ChatRequest, ImageRef, parse_request
from viewfinder.wire.messages import texts_of

IGNORED_HEADER = "x-viewfinder-ignored"
"""Names the fields of a request that have no effect here."""


class Chat:
    """An ASGI endpoint; all work for a client stops when that client disconnects."""

    def __init__(self, fleet: Fleet, intake: Intake, settings: Settings) -> None:
        self.fleet = fleet
        self.intake = intake
        self.limits = settings.limits
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await while_connected(receive, self.answer(body, send))

    async def answer(self, body: bytes, send: Send) -> None:
        """Answer one request; whatever can be refused is refused before a model is loaded for it."""
        parsed = parse_request(body, self.limits)
        request = parsed.request
        variant = self.fleet.variant_of(request.model)
        require_capability(request, variant, self.settings.engine_of(request.model), self.fleet.cards)
        images = [await self.safe_image(image) for image in request.image_parts()]

        engines_body = request.for_engine([image.data_url for image in images])
        relay = Relay(self.fleet, request, engines_body, shape_of(request, images), self.limits)
        headers = {IGNORED_HEADER: ", ".join(parsed.ignored)} if parsed.ignored else {}
        if request.stream:
            await send_events(relay.chunks(), headers, send)
        else:
            await send_json(await relay.reply(), headers, send)

    async def safe_image(self, image: ImageRef) -> SafeImage:
        """The image for the engine: decoded, checked and encoded again, never the caller's bytes."""
        try:
            return await self.intake.accept(image.url, detail=image.detail)
        except InvalidImage as error:
            error.param = image.param
            raise


def shape_of(request: ChatRequest, images: Sequence[SafeImage]) -> RequestShape:
    """The size of the request, without its content."""
    texts = (text for message in request.messages for text in texts_of(message))
    return RequestShape(
        images=len(images),
        pixels=sum(image.width * image.height for image in images),
        characters=sum(map(len, texts)),
        max_tokens=request.output_limit,
        stream=request.stream,
    )
