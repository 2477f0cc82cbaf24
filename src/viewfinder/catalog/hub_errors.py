"""Errors for the hub's refusals, and which of them are worth a retry; called by `remote` and `blob`."""

import contextlib
import datetime
import email.utils
import re
from collections.abc import Callable, Mapping

from viewfinder.core.errors import HubError

ATTEMPTS = 6
"""How many attempts in a row may bring nothing before we give up."""
LONGEST_WAIT_S = 120.0
"""The longest wait that the hub may ask for; a longer one is an error that says how long."""
RUN_AGAIN = "Run the command again; it resumes where it stopped."

_SLOWEST_S = 30.0
_LATER = (408, 429, 500, 502, 503, 504)


class TemporaryHubError(HubError):
    """An error that a retry may fix: a broken connection, a busy hub."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = RUN_AGAIN,
        code: str = "hub_unreachable",
        wait_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.wait_s = wait_s


class Retries:
    """When to retry after a temporary error, and when to give up."""

    def __init__(self, wait: Callable[[float], None], attempts: int = ATTEMPTS) -> None:
        self._wait, self._attempts = wait, attempts
        self._failures = 0

    def wait_or_raise(self, error: TemporaryHubError) -> None:
        """Wait as long as the hub asks for, or longer each time; raise the error after too many attempts."""
        self._failures += 1
        wait_s = min(2.0 ** (self._failures - 1), _SLOWEST_S) if error.wait_s is None else error.wait_s
        if self._failures >= self._attempts or wait_s > LONGEST_WAIT_S:
            raise error
        self._wait(wait_s)

    def reset(self) -> None:
        """Count from 0 again, because bytes have arrived."""
        self._failures = 0


def refusal(
    status: int, headers: Mapping[str, str], what: str, revision: str, hub: str, *, has_token: bool
) -> HubError:
    """The error for a status that is neither 200 nor 206; `what` is a repository, or a file of one."""
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
            hint = f"Accept them at {hub}/{repo}, then {login}."
        case "RevisionNotFound", _:
            code, message = "revision_not_found", f"{repo} has no revision {revision}."
            hint = "Check its name."
        case "EntryNotFound", _:
            code, message = "file_not_found", f"There is no {what} at {hub}."
            hint = RUN_AGAIN
        case ("" | "RepoNotFound") as reason, 401 | 404 if reason or not (has_token and status == 401):
            code, message = "repository_not_found", f"There is no {repo} at {hub}, or it is private."
            hint = f"Check its name; for a private repository, {login}."
        case _, 401:
            code, message = "token_refused", "The hub refused your token."
            hint = f"It may have expired: {login}."
        case _, 416:
            code, message = "size_mismatch", f"{what} is shorter than the hub's listing says."
            hint = "Run the command again; if that does not help, the hub or its mirror is at fault."
        case _:
            code, message = "hub_refused", f"The hub refused {what} with status {status}."
            hint = f"If you should have access, {login}."
    return HubError(message, hint=hint, code=code)


def _busy(status: int, headers: Mapping[str, str]) -> TemporaryHubError:
    wait_s = _requested_wait_s(headers)
    if status != 429:
        return TemporaryHubError(f"The hub has a problem (status {status}).", wait_s=wait_s)
    when = f"in {wait_s:.0f} s" if wait_s else "later"
    return TemporaryHubError(
        "The hub accepts no more requests from this address for now.",
        hint=f"Run the command again {when}; it resumes where it stopped. Logging in raises the limit.",
        code="rate_limited",
        wait_s=wait_s,
    )


def _requested_wait_s(headers: Mapping[str, str]) -> float | None:
    """How long the hub asks us to wait: `Retry-After` in seconds or as a date, or the draft `RateLimit`."""
    retry_after = headers.get("retry-after", "").strip()
    if retry_after.isdecimal():
        return float(retry_after)
    with contextlib.suppress(ValueError, TypeError):
        until = email.utils.parsedate_to_datetime(retry_after)
        return max(0.0, (until - datetime.datetime.now(datetime.UTC)).total_seconds())
    # https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-09.html: remaining, then seconds
    spent = re.search(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)", headers.get("ratelimit", ""))
    return float(spent[1]) if spent else None
