"""GET and DELETE /v1/responses/{id}, its input items, and why it cannot be cancelled; mounted by `app`."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viewfinder.core.errors import BadRequest, UnknownResponse, UnsupportedParameter
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.kept_store import KeptTurn
from viewfinder.gateway.responses import not_found_hint, suspicion
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.wire.refusals import quoted
from viewfinder.wire.responses.ids import is_response_id, item_id
from viewfinder.wire.responses.reply_types import MOST_LISTED, DeletedResponse, InputItemList

LISTED = 20
SUSPECT = "This answer can no longer be trusted: the model failed its check afterwards ({reason})."

_T = TypeVar("_T")


class KeptResponses:
    """What can be done with a response that is kept."""

    def __init__(self, fleet: Fleet, kept: KeptTurns) -> None:
        self.fleet, self.kept = fleet, kept

    async def one(self, request: Request) -> Response:
        """GET and DELETE: one route, so that a refusal of other methods names both."""
        return await (self.delete(request) if request.method == "DELETE" else self.get(request))

    async def get(self, request: Request) -> Response:
        """A response as it was sent; one that is suspect has failed. Raises UnknownResponse."""
        if request.query_params.get("stream", "").lower() in ("true", "1"):
            raise UnsupportedParameter(
                "A response that is kept is not streamed.", hint="Leave it out.", param="stream"
            )
        turn = await self._turn(request)
        reason = suspicion(self.fleet.answers, turn)
        body = turn.response
        if reason:
            body = await asyncio.to_thread(_failed, body, reason)
        return Response(body, media_type="application/json")

    async def delete(self, request: Request) -> Response:
        id = request.path_params["id"]
        if not (is_response_id(id) and await self._in_thread(lambda: self.kept.delete(_owner(request), id))):
            raise self._unknown(id)
        return JSONResponse(DeletedResponse(id=id).model_dump())

    async def input_items(self, request: Request) -> Response:
        """The items of one request, images without their bytes. Raises UnknownResponse, BadRequest."""
        turn = await self._turn(request)
        limit, order = _limit(request), request.query_params.get("order", "desc")
        if order not in ("asc", "desc"):
            raise BadRequest("'order' must be one of 'asc', 'desc'.", param="order")
        items = [listed(item, turn.id, at) for at, item in enumerate(turn.items[: turn.inputs])]
        items = items if order == "asc" else items[::-1]
        if after := request.query_params.get("after"):
            ids = [item["id"] for item in items]
            if after not in ids:
                raise BadRequest(f"There is no item {quoted(after)}.", hint="Leave it out.", param="after")
            items = items[ids.index(after) + 1 :]
        page = items[:limit]
        ends = (page[0]["id"], page[-1]["id"]) if page else (None, None)
        listing = InputItemList(data=page, first_id=ends[0], last_id=ends[1], has_more=len(items) > len(page))
        return JSONResponse(listing.model_dump())

    async def cancel(self, request: Request) -> Response:
        await self._turn(request)
        raise BadRequest(
            "Only a response that is made in the background can be cancelled.",
            hint="To stop an answer, close its connection.",
            param="id",
            code="not_cancellable",
        )

    async def _turn(self, request: Request) -> KeptTurn:
        id = request.path_params["id"]
        if is_response_id(id):
            turn = await self._in_thread(lambda: self.kept.get(_owner(request), id))
            if turn is not None:
                return turn
        raise self._unknown(id)

    def _unknown(self, id: str) -> UnknownResponse:
        hint = self.kept.why_not(id) or not_found_hint(self.kept)
        return UnknownResponse(f"Response with id {quoted(id)} not found.", hint=hint, param="id")

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self.kept.thread, work)


def listed(item: dict[str, Any], response_id: str, number: int) -> dict[str, Any]:
    """An item as OpenAI's clients list it."""
    shown = {"id": item_id(item, response_id, number), "status": "completed", **item}
    if isinstance(shown.get("content"), str):
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        shown["content"] = [{"type": kind, "text": shown["content"]}]
    if isinstance(shown.get("content"), list):
        shown["content"] = [_part(part) for part in shown["content"]]
    return shown


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "input_image":
        return {**part, "image_url": None, "file_id": None}
    return {**part, "annotations": [], "logprobs": []} if part["type"] == "output_text" else part


def _failed(body: bytes, reason: str) -> bytes:
    error = {"code": "server_error", "message": SUSPECT.format(reason=reason)}
    return orjson.dumps({**orjson.loads(body), "status": "failed", "error": error})


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(LISTED))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_LISTED):
        raise BadRequest(f"'limit' must be a number from 1 to {MOST_LISTED}.", param="limit")
    return int(text)


def _owner(request: Request) -> str:
    return str(request.scope.get(KEY_OWNER, ""))
