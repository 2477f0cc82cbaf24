"""Errors for the hub's refusals: one sentence, a hint, and how long to wait."""

import email.utils
import time

import pytest

from viewfinder.catalog.hub_errors import ATTEMPTS, LONGEST_WAIT_S, Retries, TemporaryHubError, refusal
from viewfinder.core.errors import HubError

HUB = "https://hub.example"


def refused(status: int, *, has_token: bool = False, **headers: str) -> HubError:
    received = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(status, received, "someone/thing/a.gguf", "main", HUB, has_token=has_token)


@pytest.mark.parametrize(
    ("status", "said", "has_token", "code", "message", "hint"),
    [
        (401, "GatedRepo", False, "repository_gated", "someone/thing is gated", f"{HUB}/someone/thing"),
        (403, "GatedRepo", True, "repository_gated", "asks you to accept terms", "hf auth login"),
        (404, "RepoNotFound", True, "repository_not_found", "no someone/thing at", "HF_TOKEN"),
        (401, "RepoNotFound", True, "repository_not_found", "or it is private", "HF_TOKEN"),
        (401, "", False, "repository_not_found", "or it is private", "hf auth login"),
        (404, "", False, "repository_not_found", "or it is private", "Check its name"),
        (401, "", True, "token_refused", "refused your token", "expired"),
        (404, "RevisionNotFound", False, "revision_not_found", "no revision main", "Check its name"),
        (404, "EntryNotFound", False, "file_not_found", "no someone/thing/a.gguf", "again"),
        (403, "", True, "hub_refused", "status 403", "HF_TOKEN"),
        (418, "", False, "hub_refused", "status 418", "have access"),
        (416, "", False, "size_mismatch", "shorter than the hub's listing", "mirror"),
    ],
)
def test_a_refusal_is_a_sentence_and_the_way_out(
    status: int, said: str, has_token: bool, code: str, message: str, hint: str
) -> None:
    error = refused(status, has_token=has_token, x_error_code=said)
    assert not isinstance(error, TemporaryHubError), "a retry would not help"
    assert error.reason == code
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_a_retry_may_fix_is_temporary(status: int) -> None:
    error = refused(status)
    assert isinstance(error, TemporaryHubError)
    assert error.reason == ("rate_limited" if status == 429 else "hub_unreachable")
    assert error.wait_s is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": " 0 "}, 0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "\u00b2"}, None),
        ({"ratelimit": '"api";r=0;t=55'}, 55),
        ({"ratelimit": '"api";r=12;t=55'}, None),
    ],
)
def test_the_hub_says_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    error = refused(429, **headers)
    assert isinstance(error, TemporaryHubError)
    assert error.wait_s == seconds


def test_a_date_to_wait_for_is_understood() -> None:
    error = refused(429, retry_after=email.utils.formatdate(time.time() + 90, usegmt=True))
    assert isinstance(error, TemporaryHubError)
    assert error.wait_s is not None
    assert 60 < error.wait_s <= 90


def test_retries_wait_longer_each_time_and_then_give_up() -> None:
    waits: list[float] = []
    retries = Retries(waits.append)
    for _ in range(ATTEMPTS - 1):
        retries.wait_or_raise(TemporaryHubError("Cut."))
    with pytest.raises(TemporaryHubError):
        retries.wait_or_raise(TemporaryHubError("Cut."))
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_retries_count_from_0_again_when_bytes_have_arrived() -> None:
    waits: list[float] = []
    retries = Retries(waits.append)
    for _ in range(50):
        retries.wait_or_raise(TemporaryHubError("Cut."))
        retries.reset()
    assert waits == [1.0] * 50


def test_retries_wait_as_long_as_the_hub_asks_but_not_for_ever() -> None:
    waits: list[float] = []
    Retries(waits.append).wait_or_raise(TemporaryHubError("Busy.", wait_s=LONGEST_WAIT_S))
    assert waits == [LONGEST_WAIT_S]
    with pytest.raises(TemporaryHubError):
        Retries(waits.append).wait_or_raise(TemporaryHubError("Busy.", wait_s=LONGEST_WAIT_S + 1))
    assert waits == [LONGEST_WAIT_S]
