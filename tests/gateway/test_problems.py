"""Every error has its row: status, type, code, and the headers for the client."""

import pytest
from starlette.responses import JSONResponse

from viewfinder.core import errors
from viewfinder.core.errors import Busy, EngineError, EngineRefused, ViewfinderError
from viewfinder.gateway.problems import body_of, response_to

STATUSES = {
    "ViewfinderError": 500,
    "BadRequest": 400,
    "UnknownAnswer": 404,
    "UnknownModel": 404,
    "UnknownResponse": 404,
    "UnsupportedParameter": 400,
    "InvalidImage": 400,
    "RequestTooLarge": 413,
    "CapabilityMissing": 400,
    "ContextExceeded": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "Busy": 429,
    "MemoryShort": 503,
    "NoModelFits": 503,
    "AlreadyRunning": 409,
    "NotRunning": 500,
    "PortInUse": 500,
    "ModelFilesError": 500,
    "FilesMissing": 500,
    "HubError": 500,
    "EngineError": 502,
    "EngineMissing": 503,
    "EngineDied": 502,
    "EngineStalled": 504,
    "EngineQuarantined": 502,
    "ModelFailed": 503,
    "EmptyAnswer": 502,
    "EngineRefused": 502,
    "PeerRefused": 502,
}
ERRORS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ViewfinderError)
]


def said(response: JSONResponse) -> str:
    return bytes(response.body).decode()


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[ViewfinderError]) -> None:
    error = kind("It broke.", "glimpse") if issubclass(kind, errors.FilesMissing) else kind("It broke.")
    assert response_to(error).status_code == STATUSES[kind.__name__]


def test_the_hint_and_the_narrower_code_are_in_the_body() -> None:
    error = errors.InvalidImage("It is cut off.", hint="Send it again.", param="x[0]", code="image_truncated")
    assert body_of(error) == {
        "error": {
            "message": "It is cut off. Send it again.",
            "type": "invalid_request_error",
            "param": "x[0]",
            "code": "image_truncated",
        }
    }


@pytest.mark.parametrize(
    ("code", "status"), [("request_timeout", 408), ("unsupported_media_type", 415), ("stopping", 503)]
)
def test_some_codes_have_their_own_status(code: str, status: int) -> None:
    assert response_to(errors.BadRequest("No.", code=code)).status_code == status


@pytest.mark.parametrize(
    ("given", "status"), [(0, 502), (200, 502), (400, 400), (401, 502), (413, 400), (500, 502)]
)
def test_a_request_that_the_engine_rejects_is_the_callers_fault(given: int, status: int) -> None:
    assert response_to(EngineRefused("No.", status=given)).status_code == status


def test_busy_says_in_whole_seconds_when_to_retry() -> None:
    assert response_to(Busy("Full.", retry_after_s=1.2)).headers["retry-after"] == "2"


def test_a_missing_key_names_the_scheme() -> None:
    assert response_to(errors.Unauthorized("No key.")).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("kind", [errors.ModelFilesError, errors.EngineMissing])
def test_clients_do_not_retry_what_cannot_help(kind: type[ViewfinderError]) -> None:
    assert response_to(kind("No.")).headers["x-should-retry"] == "false"
    assert "x-should-retry" not in response_to(EngineError("No.")).headers


def test_an_unexpected_error_shows_no_details() -> None:
    body = body_of(RuntimeError("/home/someone/secret at 0x7f00"))
    assert "secret" not in str(body)
    assert body["error"]["code"] == "internal_error"
    assert body["error"]["type"] == "server_error"
