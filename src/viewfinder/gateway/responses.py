"""POST /v1/responses: a chat request in the words of OpenAI's Responses API, whose turns may be kept.

Mounted by `app`. A turn is kept when its answer is whole and before the client gets the end of it, so that
its next request always has something to follow. What fails is not kept.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from starlette.types import Scope

from viewfinder.core.config import Limits, Settings
from viewfinder.core.errors import BadRequest, RequestTooLarge, UnknownResponse
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.answers import Answers
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.boxes import AnyRelay
from viewfinder.gateway.chat import Chat
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.kept_store import ChainTooLong, KeptTurn, NotKept, Turn, sha256_of
from viewfinder.gateway.openapi import NOT_KEPT_HEADER
from viewfinder.gateway.pictures import Pictures
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.media.intake import Intake
from viewfinder.media.safe_image import SafeImage
from viewfinder.wire.dialect import Answer, Dialect, Translated
from viewfinder.wire.kept_image import KeptImage
from viewfinder.wire.outline import Place
from viewfinder.wire.refusals import quoted
from viewfinder.wire.responses.answer import ResponseAnswer
from viewfinder.wire.responses.conversation import Placed, image_parts, kept_output
from viewfinder.wire.responses.ids import is_response_id, place_of
from viewfinder.wire.responses.request import ResponseRequest
from viewfinder.wire.responses.translate import image_places, placed_items, read_request, translated

_log = logging.getLogger(__name__)


class KeptAnswer(ResponseAnswer):
    """An answer whose turn is to be kept, if the request wants that."""

    def __init__(
        self, request: ResponseRequest, items: list[dict[str, Any]], owner: str, created_s: int
    ) -> None:
        super().__init__(request, created_s, len(items))
        self.request, self.items, self.owner = request.model_copy(update={"input": ""}), items, owner
        self.images: Sequence[SafeImage] = ()
        """Those of its own input."""

    def turn(self) -> Turn:
        """What is to be kept of it; its images are hashed."""
        images = {}
        for part, image in zip(image_parts(self.items), self.images, strict=True):
            sha256 = sha256_of(image.url)
            images[sha256] = image.url
            kept = KeptImage(sha256, len(image.url), image.width, image.height, image.digest)
            part["image_url"] = kept.as_json()
        outputs = [kept_output(item) for item in self.response["output"]]
        return Turn(
            id=self.id,
            owner=self.owner,
            previous=self.request.previous_response_id,
            items=[*self.items, *outputs],
            inputs=len(self.items),
            response=self.response,
            images=images,
        )


class ResponsesDialect(Dialect):
    """The requests of one owner."""

    in_thread = True

    def __init__(self, kept: KeptTurns, answers: Answers, limits: Limits, owner: str) -> None:
        self.kept, self.answers, self.limits, self.owner = kept, answers, limits, owner

    def images(self, value: Any) -> list[Place]:
        return image_places(value)

    def translate(self, raw: dict[str, Any]) -> Translated:
        request, ignored = read_request(raw, self.limits)
        if not self.kept.is_on:
            ignored += ["store"] if raw.get("store") else []
            request = request.model_copy(update={"store": False})
        earlier = list(self._earlier(request.previous_response_id))
        new, has_thoughts = placed_items(request, self._item)
        ignored += ["input.reasoning"] if has_thoughts else []
        made = translated(request, ignored, earlier, new)
        answer = KeptAnswer(request, made.items, self.owner, int(time.time()))
        return Translated(made.fields, answer, made.ignored, made.where)

    def _earlier(self, previous: str | None) -> Iterator[Placed]:
        """The items of the conversation so far."""
        if previous is None:
            return
        path = "previous_response_id"
        try:
            turns = (
                self.kept.chain(self.owner, previous, self.limits.messages, self.limits.text_bytes)
                if is_response_id(previous)
                else []
            )
        except ChainTooLong:
            raise RequestTooLarge(
                "The conversation is longer than a request may be.",
                hint="Begin another, or raise limits.messages and limits.text_bytes.",
                param=path,
            ) from None
        if not turns:
            raise BadRequest(
                f"Previous response with id {quoted(previous)} not found.",
                hint=self.kept.why_not(previous) or not_found_hint(self.kept),
                param=path,
                code="previous_response_not_found",
            )
        for turn in turns:
            self._require_trusted(turn, path)
            yield from (Placed(revived(item), path, is_kept=True) for item in turn.items)

    def _item(self, id: str, path: str) -> dict[str, Any]:
        place = place_of(id)
        turn = self.kept.get(self.owner, place[0]) if place else None
        if place is None or turn is None or place[1] >= len(turn.items):
            raise UnknownResponse(
                f"Item with id {quoted(id)} not found.",
                hint=f"Send the item itself. {not_found_hint(self.kept)}",
                param=path,
                code="item_not_found",
            )
        self._require_trusted(turn, path)
        return revived(turn.items[place[1]])

    def _require_trusted(self, turn: KeptTurn, path: str) -> None:
        """An answer that is suspect must not become part of another question."""
        reason = suspicion(self.answers, turn)
        if reason:
            before = f"from '{turn.previous}'" if turn.previous else "without 'previous_response_id'"
            raise BadRequest(
                f"The response '{turn.id}' is suspect: the model failed its check afterwards ({reason}).",
                hint=f"Ask again {before}: the answer may be another now.",
                param=path,
                code="previous_response_suspect",
            )


class Responses(Chat):
    """The endpoint."""

    def __init__(
        self,
        fleet: Fleet,
        intake: Intake,
        settings: Settings,
        on_usage: Callable[[str, Mapping[str, Any]], None],
        kept: KeptTurns,
        auto: AutoModels | None = None,
    ) -> None:
        super().__init__(fleet, intake, settings, on_usage, auto=auto)
        self.kept = kept
        self.pictures = Pictures(intake, settings, self.kept_image)
        self._told = ""

    def dialect_of(self, scope: Scope) -> Dialect:
        return ResponsesDialect(self.kept, self.fleet.answers, self.limits, scope.get(KEY_OWNER, ""))

    async def kept_image(self, image: KeptImage) -> SafeImage:
        loop = asyncio.get_running_loop()
        url = await loop.run_in_executor(self.kept.thread, self.kept.image, image.sha256)
        if url is None:
            raise BadRequest(
                "An image of the conversation was deleted just now.",
                hint=not_found_hint(self.kept),
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return SafeImage(url, image.width, image.height, image.digest)

    def seen(self, answer: Answer, images: Sequence[SafeImage]) -> None:
        if isinstance(answer, KeptAnswer):
            own = sum(1 for _ in image_parts(answer.items))
            answer.images = images[len(images) - own :]

    async def whole(self, relay: AnyRelay, answer: Answer, headers: dict[str, str]) -> dict[str, Any]:
        made = await asyncio.to_thread(answer.whole, await relay.reply())
        if isinstance(answer, KeptAnswer) and (why := await self.keep(answer)):
            headers[NOT_KEPT_HEADER] = why.encode("ascii", "replace").decode().replace("\n", " ")
        return made

    async def chunks(self, relay: AnyRelay, answer: Answer) -> AsyncGenerator[dict[str, Any], None]:
        async with aclosing(relay.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk
        if isinstance(answer, KeptAnswer):
            answer.finish()
            await self.keep(answer)

    async def keep(self, answer: KeptAnswer) -> str:
        """Keep the turn, if the request wants that. Returns why it could not be kept, as a sentence: the
        answer must not be lost for that."""
        if not answer.request.store:
            return ""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self.kept.thread, lambda: self.kept.put(answer.turn()))
        except NotKept as error:
            answer.response["store"] = False
            if str(error) != self._told:  # once, not once a request
                self._told = str(error)
                _log.error("A response could not be kept. %s", error)
            return str(error)
        return ""


def revived(item: dict[str, Any]) -> dict[str, Any]:
    """A kept item, with its images as `Pictures` takes them."""
    for part in image_parts([item]):
        part["image_url"] = KeptImage(**part["image_url"])
    return item


def suspicion(answers: Answers, turn: KeptTurn) -> str:
    """Why the answer of a turn can no longer be trusted; empty when nothing is known against it."""
    known = answers.get(turn.id)
    if known is not None and known.status == "suspect":
        return known.reason or "wrong"
    return turn.suspect


def not_found_hint(kept: KeptTurns) -> str:
    if not kept.is_on:
        return "This server keeps nothing (responses.keep_s, responses.keep_bytes): send the conversation."
    hours = f"{kept.keep_s / 3600:g} h"
    return (
        f"Responses are kept for {hours} after their last use, for the API key that made them, and not with "
        "'store': false. Send the whole conversation in 'input'."
    )
