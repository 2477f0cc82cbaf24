"""The one table from errors to HTTP statuses and OpenAI bodies; no other module makes HTTP errors.

Called by `app` for errors of handlers, by `guards` for their refusals, and by `relay` for errors after the
status has been sent.
"""

import logging
import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from viewfinder.core.errors import (
    AlreadyRunning,
    BadRequest,
    Busy,
    EngineError,
    EngineMissing,
    EngineRefused,
    EngineStalled,
    Forbidden,
    MemoryShort,
    ModelFailed,
    ModelFilesError,
    NoModelFits,
    PeerRefused,
    RequestTooLarge,
    Unauthorized,
    UnknownAnswer,
    UnknownModel,
    UnknownResponse,
    ViewfinderError,
)
from viewfinder.gateway.answering import SCOPE_ID
from viewfinder.gateway.request_record import ERROR
from viewfinder.gateway.wrong_paths import is_anthropics, sentence
from viewfinder.wire import anthropic_reply
from viewfinder.wire.replies import error_body

_log = logging.getLogger(__name__)

INVALID = "invalid_request_error"
SERVER = "server_error"
INTERNAL = "Viewfinder had an internal error."

BY_CLASS: dict[type[ViewfinderError], tuple[int, str]] = {
    BadRequest: (400, INVALID),
    UnknownModel: (404, INVALID),
    UnknownAnswer: (404, INVALID),
    UnknownResponse: (404, INVALID),
    RequestTooLarge: (413, INVALID),
    Unauthorized: (401, "authentication_error"),
    Forbidden: (403, "permission_error"),
    Busy: (429, "rate_limit_error"),
    AlreadyRunning: (409, INVALID),
    MemoryShort: (503, SERVER),
    ModelFilesError: (500, SERVER),
    EngineError: (502, SERVER),
    EngineMissing: (503, SERVER),
    EngineStalled: (504, SERVER),
    ModelFailed: (503, SERVER),
    NoModelFits: (503, SERVER),
    ViewfinderError: (500, SERVER),
}
NOT_THERE = (
    *("no_log", "post_mortem_not_found", "pull_not_found", "no_bench"),
    *("no_results", "run_not_found", "result_not_found", "picture_not_found"),
)
"""What the data under /fleet does not have."""
BY_CODE: dict[str, tuple[int, str]] = {
    "request_timeout": (408, INVALID),
    "headers_too_large": (431, INVALID),
    "unsupported_media_type": (415, INVALID),
    "unsupported_encoding": (415, INVALID),
    "stopping": (503, SERVER),
    "overloaded": (503, SERVER),
    "unloading": (503, SERVER),
    "store_unreachable": (503, SERVER),
    "peer_unreachable": (503, SERVER),
    **dict.fromkeys(NOT_THERE, (404, INVALID)),
}
"""Narrower codes, given where an error is raised, that have a status of their own."""

CALLERS_FAULT = (400, 413, 422)
"""The statuses with which an engine rejects a request (a prompt longer than the context)."""

NOT_RETRYABLE = (ModelFilesError, EngineMissing, MemoryShort, ModelFailed, NoModelFits)
"""A retry cannot help; the official client would otherwise retry each of these twice."""


def status_and_type(error: ViewfinderError) -> tuple[int, str]:
    """The row for this error: that of its code, else that of its nearest class."""
    if isinstance(error, PeerRefused):
        return error.status, error.kind
    if error.reason in BY_CODE:
        return BY_CODE[error.reason]
    if isinstance(error, EngineRefused) and error.status in CALLERS_FAULT:
        return BY_CLASS[BadRequest]
    return next(BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS)


def body_of(error: Exception) -> dict[str, Any]:
    """The OpenAI error body; it gives no details of an error that is not ours."""
    if not isinstance(error, ViewfinderError):
        error = ViewfinderError(INTERNAL, hint="Please report it with the lines of its log.")
    _, kind = status_and_type(error)
    return error_body(str(error), kind, error.reason, error.param)


def in_words_of(scope: Scope | None, body: dict[str, Any]) -> dict[str, Any]:
    """The body of an error as the API at the request's path has it."""
    if scope is None or not is_anthropics(scope["path"]):
        return body
    return anthropic_reply.error_body(body, scope.get(SCOPE_ID))


def response_to(error: ViewfinderError, scope: Scope | None = None) -> JSONResponse:
    """The whole response to a request that failed before anything was sent. It has no scope before its path
    is known."""
    status, _ = status_and_type(error)
    if scope is not None:
        scope[ERROR] = error.reason
    headers = {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if error.reason == "unsupported_encoding":
        headers["accept-encoding"] = "identity"
    if isinstance(error, Busy):
        headers["retry-after"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, PeerRefused):
        headers |= error.headers
    if isinstance(error, NOT_RETRYABLE):
        headers["x-should-retry"] = "false"
    return JSONResponse(in_words_of(scope, body_of(error)), status, headers)


async def _ours(request: Request, error: ViewfinderError) -> Response:
    return response_to(error, request.scope)


async def _no_such_route(request: Request, error: HTTPException) -> Response:
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    request.scope[ERROR] = code
    body = error_body(sentence(request.scope), INVALID, code, None)
    return JSONResponse(in_words_of(request.scope, body), error.status_code, error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    # starlette raises the error again after this answer, and uvicorn logs it with its traceback.
    request_id = request.scope.get(SCOPE_ID, "")
    _log.error("Request %s ended with an internal error.", request_id)
    bug = ViewfinderError(
        INTERNAL, hint=f"Please report it with the lines of its log about the request {request_id}."
    )
    request.scope[ERROR] = bug.reason
    return JSONResponse(in_words_of(request.scope, body_of(bug)), 500)


HANDLERS: dict[type[Exception], Any] = {
    ViewfinderError: _ours,
    HTTPException: _no_such_route,
    Exception: _unexpected,
}
"""For `Starlette(exception_handlers=...)`."""
