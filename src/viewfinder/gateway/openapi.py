"""GET /openapi.json: what the gateway accepts and answers, as OpenAPI 3.1; mounted by `app`.

It is made from the types of `wire`, the limits of the settings and whether a key is needed now.
`tests/hostile/test_openapi.py` holds the gateway to it.
"""

import asyncio
import functools
from collections.abc import Collection
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from viewfinder.core.config import Limits
from viewfinder.gateway.answering import ANTHROPICS_REQUEST_ID, REQUEST_ID
from viewfinder.gateway.answers import GivenAnswer
from viewfinder.gateway.auto import CHOSEN_HEADER
from viewfinder.gateway.estimate_types import RequestEstimate
from viewfinder.gateway.fleet_operations import FLEET_OPERATIONS
from viewfinder.gateway.guards import OPEN_PATHS
from viewfinder.gateway.image_budget import BUDGET_HEADER
from viewfinder.gateway.keys import KEY_HEADERS, Keys
from viewfinder.gateway.models import ListedModel, ModelList, Ready
from viewfinder.gateway.operation import Operation
from viewfinder.gateway.props import Props
from viewfinder.wire import anthropic_schema
from viewfinder.wire.anthropic_request import CountRequest, MessagesRequest
from viewfinder.wire.anthropic_types import MESSAGE_EVENTS, AnsweredMessage, AnthropicError, TokenCount
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.completion_schema import add_fields_of_chat
from viewfinder.wire.completion_types import CompletionRequest, TextCompletion, TextCompletionChunk
from viewfinder.wire.decisions.reply_types import DecisionReply
from viewfinder.wire.decisions.request import DecisionRequest
from viewfinder.wire.decisions.schema import add_what_is_translated
from viewfinder.wire.reply_types import (
    ChatCompletion,
    ChatCompletionChunk,
    ErrorBody,
    Health,
    InputTokens,
)
from viewfinder.wire.request_schema import add_what_is_ignored
from viewfinder.wire.responses.reply_types import (
    MOST_LISTED,
    DeletedResponse,
    InputItemList,
    ResponseEvent,
    ResponseObject,
)
from viewfinder.wire.responses.request import ResponseRequest
from viewfinder.wire.responses.schema import add_what_is_read

IGNORED_HEADER = "x-viewfinder-ignored"
"""Names the fields of a request that have no effect here."""
REDUCED_HEADER = "x-viewfinder-reduced"
"""Names the images that were scaled down, because the model cannot use more."""
FRAMES_HEADER = "x-viewfinder-frames"
"""Says which frames of each clip the model was shown."""
NOT_KEPT_HEADER = "x-viewfinder-not-kept"
"""Says why a response was not kept, although the request wants it."""

ERRORS = {
    400: "The request is invalid, or its HTTP is. `param` names the field.",
    401: "The API key is missing or wrong.",
    403: "The Host or Origin header is not allowed, the key may only ask, or a page's token is missing.",
    404: "There is no model, answer or response of this name.",
    408: "The body did not arrive in time.",
    409: "Something of the kind is in progress already.",
    413: "The body is too large.",
    415: "The body is not declared as application/json, or it is compressed.",
    429: "The model's queue is full.",
    431: "The headers are too large.",
    500: "Files of the model are missing or damaged, or Viewfinder has a bug.",
    502: "The engine died or answered with an error, and a retry did not help.",
    503: "Overloaded, stopping, unloading, short of memory, or the model failed for good.",
    504: "The engine stopped making progress.",
}
EVERYWHERE = (400, 403, 408, 413, 431, 500, 503)
"""What guards and connections answer, whatever the path."""
SCHEMAS = "#/components/schemas/"
ERROR_NAMES: dict[type[BaseModel], str] = {ErrorBody: "Error", AnthropicError: "AnthropicError"}


ANSWERS = (404, 415, 429, 502, 504)
"""The errors of what an engine answers."""
LISTING = (
    ("limit", {"type": "integer", "minimum": 1, "maximum": MOST_LISTED}),
    ("order", {"enum": ["asc", "desc"]}),
)

OPERATIONS: dict[str, Operation | tuple[Operation, ...]] = {
    "/v1/chat/completions": Operation(
        "Answers a conversation, whole or as a stream.",
        ChatCompletion,
        ANSWERS,
        request=ChatRequest,
        events=(ChatCompletionChunk, ErrorBody),
        method="post",
    ),
    "/v1/chat/completions/input_tokens": Operation(
        "Counts the tokens of a conversation with its images, which may be too long to be answered.",
        InputTokens,
        ANSWERS,
        request=ChatRequest,
        method="post",
    ),
    "/v1/estimate": Operation(
        "Says what a conversation would take here: image tokens, seconds and memory. It loads no model.",
        RequestEstimate,
        (404, 415),
        request=ChatRequest,
        method="post",
    ),
    "/v1/completions": Operation(
        "Continues a text as it is, whole or as a stream.",
        TextCompletion,
        ANSWERS,
        request=CompletionRequest,
        events=(TextCompletionChunk, ErrorBody),
        method="post",
    ),
    "/v1/decisions": Operation(
        "Answers typed questions about one input by the probabilities of named answers.",
        DecisionReply,
        ANSWERS,
        request=DecisionRequest,
        method="post",
    ),
    "/v1/responses": Operation(
        "Answers a conversation, and keeps it for a while.",
        ResponseObject,
        ANSWERS,
        request=ResponseRequest,
        events=(ResponseEvent,),
        have_names=True,
        method="post",
    ),
    "/v1/responses/input_tokens": Operation(
        "Counts the tokens of a conversation, and keeps nothing.",
        InputTokens,
        ANSWERS,
        request=ResponseRequest,
        method="post",
    ),
    "/v1/responses/{id}": (
        Operation("A response that is kept.", ResponseObject, (404,), "id"),
        Operation("Deletes a response.", DeletedResponse, (404,), "id", method="delete"),
    ),
    "/v1/responses/{id}/input_items": Operation(
        "The items of a request that is kept.", InputItemList, (404,), "id", queries=LISTING
    ),
    "/v1/responses/{id}/cancel": Operation(
        "Refused: no response is made in the background.", ErrorBody, (404, 415), "id", method="post"
    ),
    "/v1/messages": Operation(
        "Answers a conversation, whole or as a stream, in the words of Anthropic's API.",
        AnsweredMessage,
        ANSWERS,
        request=MessagesRequest,
        events=MESSAGE_EVENTS,
        have_names=True,
        error=AnthropicError,
        method="post",
    ),
    "/v1/messages/count_tokens": Operation(
        "Counts the tokens of a conversation, in the words of Anthropic's API.",
        TokenCount,
        ANSWERS,
        request=CountRequest,
        error=AnthropicError,
        method="post",
    ),
    "/v1/answers/{id}": Operation("Whether an answer can still be trusted.", GivenAnswer, (404,), "id"),
    "/v1/models": Operation("All models.", ModelList),
    "/v1/models/{name}": Operation(
        "One model, by any name that a request may have.", ListedModel, (404,), "name"
    ),
    "/props": Operation(
        "One model, as llama.cpp's server describes it.",
        Props,
        (404,),
        queries=(("model", {"type": "string"}),),
    ),
    **FLEET_OPERATIONS,
    "/health": Operation("That this is Viewfinder, and that it answers.", Health),
    "/ready": Operation("The state of every model.", Ready),
    "/metrics": Operation("Metrics for Prometheus.", "text/plain"),
    "/openapi.json": Operation("This document.", "application/json"),
}


class OpenAPI:
    """The document of one gateway."""

    def __init__(self, version: str, limits: Limits, keys: Keys) -> None:
        self.keys = keys
        self._bytes = functools.cache(lambda needs_key: orjson.dumps(document(version, limits, needs_key)))

    async def page(self, _request: Request) -> Response:
        body = await asyncio.to_thread(self._bytes, self.keys.are_needed)
        return Response(body, media_type="application/json")


def document(version: str, limits: Limits, needs_key: bool) -> dict[str, Any]:
    """The whole document; `needs_key`: a request without a key is refused, except to the open paths."""
    responses = {_error_name(kind, status): _error(kind, status) for kind in ERROR_NAMES for status in ERRORS}
    schemes: dict[str, Any] = {"bearer": {"type": "http", "scheme": "bearer"}}
    schemes |= {name: {"type": "apiKey", "in": "header", "name": name} for name in KEY_HEADERS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Viewfinder",
            "version": version,
            "description": "Local vision-language models behind OpenAI's API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{name: []} for name in schemes] if needs_key else [],
        "paths": {
            path: {one.method: _operation(path, one, needs_key) for one in operations_at(path)}
            for path in OPERATIONS
        },
        "components": {"schemas": _schemas(limits), "responses": responses, "securitySchemes": schemes},
    }


def operations_at(path: str) -> tuple[Operation, ...]:
    """What the methods of one path do."""
    at = OPERATIONS[path]
    return at if isinstance(at, tuple) else (at,)


def _operation(path: str, operation: Operation, needs_key: bool) -> dict[str, Any]:
    is_open = path in OPEN_PATHS
    statuses = {*EVERYWHERE, *operation.errors, *([] if is_open or not needs_key else [401])}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "responses": {"200": _with_ids(_answer(operation), operation.error)}
        | {
            str(status): {"$ref": f"#/components/responses/{_error_name(operation.error, status)}"}
            for status in sorted(statuses)
        },
    }
    if is_open:
        described["security"] = []
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "schema": schema} for name, schema in operation.queries
    ]
    if operation.parameter:
        schema = {"type": "string", "minLength": 1}
        parameters.append({"name": operation.parameter, "in": "path", "required": True, "schema": schema})
    if parameters:
        described["parameters"] = parameters
    if operation.request is not None:
        described["requestBody"] = {"required": True, "content": _json(operation.request)}
    return described


def _answer(operation: Operation) -> dict[str, Any]:
    if isinstance(operation.reply, str):
        kind = "object" if operation.reply == "application/json" else "string"
        return {"description": operation.summary, "content": {operation.reply: {"schema": {"type": kind}}}}
    answer: dict[str, Any] = {"description": "The answer.", "content": _json(operation.reply)}
    if operation.events:
        answer["content"]["text/event-stream"] = {"schema": _events(operation)}
    if operation.request is not None:
        answer["headers"] = {
            IGNORED_HEADER: _header("The fields of the request that have no effect here."),
            CHOSEN_HEADER: _header("Why the model was chosen, where the request left that to Viewfinder."),
            REDUCED_HEADER: _header("The images that were scaled down to what the model can use."),
            BUDGET_HEADER: _header("Which image budget was applied, and why, where it was measured."),
        }
    if operation.request is ChatRequest:
        answer["headers"][FRAMES_HEADER] = _header("The frames of each clip that the model was shown.")
    if operation.request is ResponseRequest and operation.events:
        answer["headers"] |= {
            NOT_KEPT_HEADER: _header("Why a response was not kept that was to be."),
        }
    return answer


def _events(operation: Operation) -> dict[str, Any]:
    schema = {"anyOf": [_ref(kind) for kind in operation.events]}
    chunk = {"contentMediaType": "application/json", "contentSchema": schema}
    if operation.have_names:
        return {
            "type": "object",
            "description": "An event, with `stream`; its name is the `type` of its data.",
            "required": ["event", "data"],
            "properties": {"event": {"type": "string"}, "data": {"type": "string", **chunk}},
        }
    return {
        "type": "object",
        "description": "An event, with `stream`. The last one is [DONE], or an error.",
        "required": ["data"],
        "properties": {"data": {"type": "string", "anyOf": [{"const": "[DONE]"}, chunk]}},
    }


def _error_name(kind: type[BaseModel], status: int) -> str:
    return f"{ERROR_NAMES[kind]}{status}"


def _error(kind: type[BaseModel], status: int) -> dict[str, Any]:
    error: dict[str, Any] = {"description": ERRORS[status], "content": _json(kind)}
    if status in (429, 503):
        seconds = {"type": "integer", "minimum": 1}
        absent = "" if status == 429 else " Absent when a retry cannot help."
        retry = {"description": f"When to retry, in seconds.{absent}", "schema": seconds}
        error["headers"] = {"Retry-After": retry | {"required": status == 429}}
    if status in (500, 503):
        error["headers"] = error.get("headers", {}) | {
            "x-should-retry": _header("false: a retry cannot help.", "false")
        }
    if status == 401:
        error["headers"] = {"WWW-Authenticate": _header("Always Bearer.", "Bearer") | {"required": True}}
    if status == 415:
        error["headers"] = {"Accept-Encoding": _header("Where a body is compressed.", "identity")}
    return _with_ids(error, kind)


def _with_ids(response: dict[str, Any], error: type[BaseModel]) -> dict[str, Any]:
    """The response with the headers that all have: Anthropic's API has a name of its own for it, too."""
    names = (REQUEST_ID, ANTHROPICS_REQUEST_ID) if error is AnthropicError else (REQUEST_ID,)
    id = _header("The id of the request: the client's own, or a new one.") | {"required": True}
    return response | {"headers": response.get("headers", {}) | dict.fromkeys(names, id)}


def _header(description: str, value: str | None = None) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"} | ({"const": value} if value else {})}


def _json(kind: type[Any]) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(kind)}}


def _ref(kind: type[Any]) -> dict[str, str]:
    return {"$ref": f"{SCHEMAS}{kind.__name__}"}


class _Schemas(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # "Max Tokens" says no more than max_tokens


def _schemas(limits: Limits) -> dict[str, Any]:
    """The schemas of all types by name."""
    kinds: Collection[type[Any]] = {
        kind
        for path in OPERATIONS
        for one in operations_at(path)
        for kind in (one.reply, one.request, *one.events, *ERROR_NAMES)
        if kind is not None and not isinstance(kind, str)
    }
    adapters = [(kind.__name__, TypeAdapter(kind)) for kind in sorted(kinds, key=lambda kind: kind.__name__)]
    _, whole = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in adapters],
        ref_template=SCHEMAS + "{model}",
        schema_generator=_Schemas,
    )
    schemas: dict[str, Any] = whole["$defs"]
    add_what_is_ignored(schemas, limits)
    add_fields_of_chat(schemas)
    for kind in (MessagesRequest, CountRequest):
        anthropic_schema.add_what_is_ignored(schemas, limits, kind)
    add_what_is_read(schemas, limits)
    add_what_is_translated(schemas, limits)
    return schemas
