"""An error is the same after it travelled from a node to the gateway."""

import pickle

import pytest

from viewfinder.cluster.messages import Failed
from viewfinder.core.errors import (
    Busy,
    ContextExceeded,
    EngineRefused,
    FilesMissing,
    UnknownModel,
    ViewfinderError,
)
from viewfinder.gateway.problems import body_of, response_to

ERRORS: list[ViewfinderError] = [
    UnknownModel("There is no model.", hint="Look.", param="model"),
    Busy("The queue is full.", retry_after_s=7, hint="Retry.", code="queue_full"),
    ContextExceeded("100 tokens", 50),
    EngineRefused("No.", status=400, said={"message": "No."}),
    FilesMissing("Not here.", "glimpse", "f16"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_arrives_as_it_was(error: ViewfinderError) -> None:
    there = pickle.loads(pickle.dumps(Failed.of(error))).error()  # noqa: S301 - our own
    assert type(there) is type(error)
    assert there.__dict__ == error.__dict__
    assert str(there) == str(error)
    assert body_of(there) == body_of(error)
    one, other = response_to(there), response_to(error)
    assert (one.status_code, one.raw_headers) == (other.status_code, other.raw_headers)


@pytest.mark.parametrize("kind", ["Newer", "ClassVar", "annotations"])
def test_an_error_of_another_version_is_still_one_of_ours(kind: str) -> None:
    fields = {"message": "What?", "hint": "", "param": None, "reason": "newer"}
    error = Failed(kind, "What?", fields).error()
    assert (error.message, error.reason) == ("What?", "newer")
    assert body_of(error)["error"]["code"] == "newer"
