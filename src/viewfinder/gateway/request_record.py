"""What becomes of each request: a line of the access log, and a refusal that is counted.

`answering` calls it for every request that has an app, `connection` for what is no request. In between, those
who know more of a request put it into its scope, under the names below.
"""

import time
from typing import Any

from starlette.types import Message, Scope

from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.record.refusals import Refusals
from viewfinder.gateway.access_log import AccessLog
from viewfinder.gateway.sender import KEY_OWNER

ERROR = "viewfinder.error"
"""The code of the error that is the answer, or the end of a stream."""
AT_THE_DOOR = "viewfinder.at_the_door"
"""Set when a guard or the door refused it; the fleet counts what it refuses itself."""
MODEL = "viewfinder.model"
IMAGES = "viewfinder.images"
USAGE = "viewfinder.usage"
CLIENT_LEFT = 499
"""nginx's status for a request whose client disconnected before there was one."""
PATH_CHARACTERS = 200
STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
"""The header that every stream of answers has, and nothing else."""


class RequestRecords:
    """Of one server; `access_log` may be replaced while it serves."""

    def __init__(self, refusals: Refusals | None = None, access_log: AccessLog | None = None) -> None:
        self.refusals, self.access_log = refusals, access_log

    def write_to(self, access_log: AccessLog | None) -> None:
        """From now on, write lines there; the log before is closed, which may take a moment."""
        before, self.access_log = self.access_log, access_log
        if before is not None:
            before.close()

    def reopen(self) -> None:
        if self.access_log is not None:
            self.access_log.reopen()

    def close(self) -> None:
        self.write_to(None)
        if self.refusals is not None:
            self.refusals.flush()

    def of(self, scope: Scope) -> "RequestRecord":
        return RequestRecord(self, scope)

    def unreadable(self, peer: str, status: int, error: ViewfinderError, request_id: str) -> None:
        """A connection was refused for what is no request, or not a whole one."""
        if self.refusals is not None:
            self.refusals.add(error.reason, peer=peer)
        if self.access_log is not None:
            entry = dict.fromkeys(ENTRY) | {
                "id": request_id,
                "at_s": time.time(),
                "peer": peer or None,
                "status": status,
                "error": error.reason,
            }
            self.access_log.add(entry)


class RequestRecord:
    """One request, from its headers to the end of its answer."""

    __slots__ = ("_began_s", "_records", "_scope", "_status", "_ttft_s")

    def __init__(self, records: RequestRecords, scope: Scope) -> None:
        self._records, self._scope = records, scope
        self._began_s = time.monotonic()
        self._status = CLIENT_LEFT
        self._ttft_s: float | None = None

    def answers(self, start: Message) -> None:
        """Its status is sent; of a stream that is when the engine has said its first word."""
        self._status = start["status"]
        if STREAM in start["headers"]:
            self._ttft_s = time.monotonic() - self._began_s

    def ended(self, request_id: str, *, has_left: bool) -> None:
        """`has_left`: its client disconnected before the end."""
        scope, records = self._scope, self._records
        peer = (scope.get("client") or ("",))[0]
        if AT_THE_DOOR in scope and records.refusals is not None:
            records.refusals.add(scope.get(ERROR, ""), peer=peer)
        if records.access_log is not None:
            records.access_log.add(self._entry(scope, request_id, peer, has_left=has_left))

    def _entry(self, scope: Scope, request_id: str, peer: str, *, has_left: bool) -> dict[str, Any]:
        took_s = time.monotonic() - self._began_s
        usage = scope.get(USAGE) or {}
        return {
            "at_s": time.time() - took_s,
            "id": request_id,
            "key": scope.get(KEY_OWNER) or None,
            "peer": peer or None,
            "method": scope["method"],
            "path": scope["path"][:PATH_CHARACTERS],
            "model": scope.get(MODEL),
            "status": self._status,
            "ms": round(took_s * 1000, 1),
            "ttft_ms": None if self._ttft_s is None else round(self._ttft_s * 1000, 1),
            "images": scope.get(IMAGES),
            "prompt_tokens": _count(usage.get("prompt_tokens")),
            "completion_tokens": _count(usage.get("completion_tokens")),
            "error": scope.get(ERROR),
            "left": has_left,
        }


ENTRY = (
    *("at_s", "id", "key", "peer", "method", "path", "model", "status", "ms", "ttft_ms"),
    *("images", "prompt_tokens", "completion_tokens", "error", "left"),
)
"""Every line has all of them."""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None
