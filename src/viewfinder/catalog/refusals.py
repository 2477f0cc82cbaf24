"""What the hub's refusals mean, and which of them a little patience mends; called by `remote` and `blob`."""

import contextlib
import datetime
import email.utils
import re
from collections.abc import Callable, Mapping

from viewfinder.core.errors import HubError

ATTEMPTS = 6
"""Tries in a row that bring nothing, until it is given up."""
PATIENCE_S = 120.0
"""The longest wait that the hub may ask for; a longer one is told to the person instead."""
AGAIN = "Run the command again; it goes on from where it was."

_SLOWEST_S = 30.0
_LATER = (408, 429, 500, 502, 503, 504)


class Hiccup(HubError):
    """Something that may be better soon: a cut connection, a busy hub."""

    def __init__(
        self, message: str, *, hint: str = AGAIN, code: str = "hub_unreachable", wait_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.wait_s = wait_s


class Patience:
    """When to try again after a hiccup, and when to give up."""

    def __init__(self, wait: Callable[[float], None], attempts: int = ATTEMPTS) -> None:
        self._wait, self._attempts = wait, attempts
        self._failures = 0

    def bear(self, hiccup: Hiccup) -> None:
        """Wait as long as the hub asks for, or longer each time; raise the hiccup when it is one too many."""
        self._failures += 1
        wait_s = min(2.0 ** (self._failures - 1), _SLOWEST_S) if hiccup.wait_s is None else hiccup.wait_s
        if self._failures >= self._attempts or wait_s > PATIENCE_S:
            raise hiccup
        self._wait(wait_s)

    def renew(self) -> None:
        """Something came: failures are counted anew."""
        self._failures = 0


def refusal(
    status: int, headers: Mapping[str, str], what: str, revision: str, hub: str, *, has_token: bool
) -> HubError:
    """The error for an answer that is neither 200 nor 206; `what` is a repository, or a file of one."""
    if status in _LATER:
        return _busy(status, headers)
    repo = "/".join(what.split("/")[:2])
    login = f"run `hf auth login`, or set HF_TOKEN to a token from {hub}/settings/tokens"
    match headers.get("x-error-code", ""), status:
        case "GatedRepo", _:
            code, message = (
                "repository_gated",
                f"{repo} is gated: its publisher asks you to accept terms first.",
            )
            hint = f"Accept them at {hub}/{repo}, and then {login}."
        case "RevisionNotFound", _:
            code, message = "revision_not_found", f"{repo} has no revision {revision}."
            hint = "Check its name."
        case "EntryNotFound", _:
            code, message = "file_not_found", f"There is no {what} at {hub}."
            hint = AGAIN
        case ("" | "RepoNotFound") as said, 401 | 404 if said or not (has_token and status == 401):
            code, message = "repository_not_found", f"There is no {repo} at {hub}, or it is private."
            hint = f"Check its name; for a private one {login}."
        case _, 401:
            code, message = "token_refused", "The hub does not take your token."
            hint = f"It may have expired: {login}."
        case _, 416:
            code, message = "size_mismatch", f"{what} is shorter than the hub's listing says."
            hint = "Run the command again; if it stays so, the hub or the mirror is at fault."
        case _:
            code, message = "hub_refused", f"The hub refuses {what} with status {status}."
            hint = f"If you should have access, {login}."
    return HubError(message, hint=hint, code=code)


def _busy(status: int, headers: Mapping[str, str]) -> Hiccup:
    wait_s = _asked_wait_s(headers)
    if status != 429:
        return Hiccup(f"The hub is in trouble (status {status}).", wait_s=wait_s)
    when = f"in {wait_s:.0f} s" if wait_s else "later"
    return Hiccup(
        "The hub takes no more requests from here for now.",
        hint=f"Run the command again {when}; it goes on from where it was. Logging in raises the limit.",
        code="rate_limited",
        wait_s=wait_s,
    )


def _asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """How long the hub asks to wait: `Retry-After` in seconds or as a date, or the draft's `RateLimit`."""
    asked = headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    with contextlib.suppress(ValueError, TypeError):
        until = email.utils.parsedate_to_datetime(asked)
        return max(0.0, (until - datetime.datetime.now(datetime.UTC)).total_seconds())
    # https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-09.html: remaining, then seconds
    spent = re.search(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)", headers.get("ratelimit", ""))
    return float(spent[1]) if spent else None
