"""The story of one chat request, from its bytes to its answer, whatever API it is written in.

Mounted by `app` at POST /v1/chat/completions, below the guards.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from viewfinder.catalog.card import Variant
from viewfinder.core.config import Settings
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.gateway.answering import SCOPE_ID
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.boxes import AnyRelay, PlacedRelay, Placing, grid_of
from viewfinder.gateway.capability import require_capability
from viewfinder.gateway.choices import Choices
from viewfinder.gateway.context import context_of
from viewfinder.gateway.defaults import defaults_of, with_a_limit, with_defaults
from viewfinder.gateway.image_budget import NO_BUDGET, AppliedBudget, budget_for
from viewfinder.gateway.moving import MovingPictures, shown, told
from viewfinder.gateway.openapi import FRAMES_HEADER, IGNORED_HEADER, REDUCED_HEADER
from viewfinder.gateway.parsing import Parser
from viewfinder.gateway.peer_errors import require_reachable
from viewfinder.gateway.pictures import Pictures, reduced
from viewfinder.gateway.prompts import prompt_of
from viewfinder.gateway.relay import Relay, send_events, send_json, while_connected
from viewfinder.gateway.request_record import ERROR, IMAGES, MODEL, USAGE
from viewfinder.gateway.sender import KEY_OWNER, sender
from viewfinder.media.clips import SafeClip
from viewfinder.media.intake import Intake
from viewfinder.media.safe_image import SafeImage
from viewfinder.wire.chat import ChatRequest, ParsedRequest, renamed
from viewfinder.wire.dialect import COMPLETIONS, Answer, Dialect
from viewfinder.wire.media_refs import ImageRef
from viewfinder.wire.messages import texts_of

RelayT = TypeVar("RelayT", bound=Relay)
PLACING = "viewfinder.placing"
"""Where the scope of a request has what places the coordinates of its answers."""


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request with its model's defaults, and its images as the engine gets them."""

    request: ChatRequest
    variant: Variant
    refs: Sequence[ImageRef]
    images: Sequence[SafeImage]
    clips: Sequence[SafeClip]
    budget: AppliedBudget

    @property
    def shown(self) -> list[SafeImage]:
        """All that the model sees: the images, and the frames of the clips."""
        return [*self.images, *(frame for clip in self.clips for frame in clip.frames)]


class Chat:
    """An ASGI endpoint; all work for a client stops when that client disconnects."""

    kind: type[Relay] = Relay

    def __init__(
        self,
        fleet: Fleet,
        intake: Intake,
        settings: Settings,
        on_usage: Callable[[str, Mapping[str, Any]], None] = lambda key, usage: None,
        dialect: Dialect = COMPLETIONS,
        auto: AutoModels | None = None,
    ) -> None:
        self.auto = auto or AutoModels()
        self.on_usage = on_usage
        self.dialect = dialect
        self.fleet = fleet
        self.pictures, self.moving = Pictures(intake, settings), MovingPictures(intake, settings)
        self.limits = settings.limits
        self.settings = settings
        self.parser = Parser(settings.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()  # the guard `WholeBody` gives the whole body at once
        await while_connected(receive, self.answer([message.pop("body")], scope, send))

    async def answer(self, only: list[bytearray], scope: Scope, send: Send) -> None:
        """Answer one request; whatever can be refused is refused before a model is loaded for it. What it
        used is counted for its key.

        The body is taken out of its list: nothing may keep 64 MiB while the engine answers.
        """
        parsed = await self.parser.parse(only.pop(), sender(scope).name, self.dialect_of(scope))
        parsed.answer.request_id = scope.get(SCOPE_ID)
        with renamed(parsed.where):
            await self.answered(parsed, scope, send)

    async def answered(self, parsed: ParsedRequest, scope: Scope, send: Send) -> None:
        """Answer a request with the model that it names or that is chosen for it."""
        attempt = partial(self.attempt, scope=scope, send=send)
        await self.auto.answered(self.fleet, self.settings, parsed, scope, attempt)

    async def attempt(self, parsed: ParsedRequest, scope: Scope, send: Send) -> None:
        """Answer a request with the model that it names; raises only before anything was sent."""
        one, headers = await self.relay(parsed, scope, self.kind)
        several = one if parsed.request.n == 1 else Choices.of(one, parsed.request.n)
        placing = scope.pop(PLACING, None)
        relay: AnyRelay = PlacedRelay(several, placing) if placing else several
        try:
            if parsed.request.stream:
                named = partial(with_ignored, headers, parsed, relay)
                chunks = self.chunks(relay, parsed.answer)
                scope[ERROR] = await send_events(chunks, parsed.answer, named, send)
            else:
                reply = await self.whole(relay, parsed.answer, headers)
                await send_json(reply, with_ignored(headers, parsed, relay), send)
        finally:
            scope[USAGE] = relay.usage
            if key := scope.get(KEY_OWNER, ""):
                self.on_usage(key, relay.usage)

    def dialect_of(self, scope: Scope) -> Dialect:
        """The API of one request."""
        return self.dialect

    def chunks(self, relay: AnyRelay, answer: Answer) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a stream, which `answer` translates."""
        return relay.chunks()

    async def whole(self, relay: AnyRelay, answer: Answer, headers: dict[str, str]) -> dict[str, Any]:
        """The whole reply; more `headers` may be set."""
        return answer.whole(await relay.reply())

    def seen(self, answer: Answer, images: Sequence[SafeImage]) -> None:
        """Called with the images of a request, before its model gets them."""

    async def prepared(
        self, parsed: ParsedRequest, scope: Scope, *, any_length: bool = False
    ) -> "PreparedRequest":
        """A request as this model gets it, with its images; whatever can be refused is refused here."""
        card = self.fleet.card(parsed.request.model)
        scope[MODEL] = card.name
        request = with_defaults(parsed.request, defaults_of(card, self.settings))
        request = with_a_limit(request, self.limits.output_tokens)
        variant = self.fleet.variant_of(request.model)
        require_reachable(self.fleet, variant, scope)
        context = None if any_length else context_of(card, variant, self.settings)
        require_capability(request, variant, context, self.fleet.cards)
        refs = request.image_parts()
        clips = await self.moving.safe(request, variant, scope)
        held_bytes = sum(clip.size_bytes for clip in clips)
        budget = budget_for(self.fleet, self.settings, request, variant, refs) if refs else NO_BUDGET
        images = await self.pictures.safe(refs, variant, scope, budget, held_bytes)
        whole = PreparedRequest(request, variant, refs, images, clips, budget)
        scope[IMAGES] = len(whole.shown)
        return whole

    async def relay(
        self, parsed: ParsedRequest, scope: Scope, kind: type[RelayT]
    ) -> tuple[RelayT, dict[str, str]]:
        """The relay of a request that this model can answer, and the headers of the answer."""
        whole = await self.prepared(parsed, scope, any_length=kind.takes_any_length)
        request, images = whole.request, whole.images
        called = request.model
        if whole.budget.is_of_another_start:
            request = request.model_copy(update={"model": whole.budget.model_for(called)})
        self.seen(parsed.answer, images)
        if self.dialect_of(scope) is COMPLETIONS and not whole.clips:
            grid = grid_of(self.fleet, request.model, whole.variant, self.settings.engine_of(scope[MODEL]))
            scope[PLACING] = Placing.of(parsed.request, whole.variant, images, grid)
        engines_body = request.for_engine(
            [image.url for image in images], [shown(clip) for clip in whole.clips]
        )
        shape = shape_of(request, whole.shown)
        client = sender(scope).name
        relay = kind(
            self.fleet, request.without_messages(), engines_body, shape, self.limits, client, parsed.answer
        )
        relay.envelope = (called, *relay.envelope[1:])
        relay.prompt = prompt_of(request.messages, images, whole.clips)
        notes = {REDUCED_HEADER: reduced(whole.refs, images, parsed.where), FRAMES_HEADER: told(whole.clips)}
        headers = self.auto.headers(scope, relay.envelope[1]) | whole.budget.headers
        return relay, headers | {name: note for name, note in notes.items() if note}


def with_ignored(headers: dict[str, str], parsed: ParsedRequest, relay: AnyRelay) -> Mapping[str, str]:
    """The headers, with the fields that have no effect here or on the engine that answers."""
    ignored = [*parsed.ignored, *map(parsed.where, relay.ignored)]
    return headers | {IGNORED_HEADER: ", ".join(ignored)} if ignored else headers


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
