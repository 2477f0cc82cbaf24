"""Controls the running `viewfinder serve` of this state folder.

Called by `ps`, `load`, `stop`, `pin`, `unpin` and `suspects`, and from Python.
"""

import http.client
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, NotRunning, ViewfinderError
from viewfinder.fleet.record.answers import NotedAnswer
from viewfinder.fleet.view import FleetView
from viewfinder.host.owner import running_owner

if TYPE_CHECKING:
    from viewfinder.fleet.record.events import Event

CHOICE_TIMEOUT_S = 60.0
"""The first one reads what was measured."""
ANSWER_TIMEOUT_S = 10.0


class Control:
    """Finds the server; raises NotRunning when there is none.

    Every call raises the server's error with its code: BadRequest for an invalid request, ViewfinderError for
    work that failed; and NotRunning when the server has stopped meanwhile.
    """

    def __init__(self) -> None:
        home = paths.home()
        owner = running_owner(home)
        if owner is None or not owner.control:
            raise NotRunning(
                f"No `viewfinder serve` runs for {home}."
                if owner is None
                else f"The `viewfinder serve` of {home} is still starting.",
                hint="Start it: viewfinder serve" if owner is None else "Retry in a moment.",
            )
        self.pid, self.url = owner.pid, owner.url
        self._socket = owner.control

    def fleet(self) -> FleetView:
        """The server process of every model, and the queue."""
        fields = self._call("GET", "/fleet", ANSWER_TIMEOUT_S)
        try:
            return FleetView.of_json(fields)
        except (TypeError, KeyError):
            raise ViewfinderError(
                "The running `viewfinder serve` is of another version.",
                hint="Restart it, so that it runs the one that is installed now.",
            ) from None

    def events(self) -> "list[Event]":
        """The recent events, oldest first."""
        from viewfinder.fleet.record.events import Event

        return [Event(**fields) for fields in self._call("GET", "/events", ANSWER_TIMEOUT_S)]

    def suspects(self) -> list[NotedAnswer]:
        """Answers that can no longer be trusted, oldest first."""
        return [NotedAnswer(**fields) for fields in self._call("GET", "/suspects", ANSWER_TIMEOUT_S)]

    def choice(self, id: str) -> dict[str, Any]:
        """How a model was chosen; see `gateway/control`."""
        found: dict[str, Any] = self._call("GET", f"/choices/{quote(id, safe='')}", CHOICE_TIMEOUT_S)
        return found

    def load(self, model: str) -> str:
        """Load a model, also one that was given up; returns its name when it is up."""
        return self._command(model, "load")

    def unload(self, model: str) -> str:
        """Stop a model's server process; returns its name when the process is gone."""
        return self._command(model, "unload")

    def pin(self, model: str, pinned: bool = True) -> str:
        """Pin a model (it is never unloaded to make room) or unpin it; returns its name."""
        return self._command(model, "pin" if pinned else "unpin")

    def _command(self, model: str, verb: str) -> str:
        return str(self._call("POST", f"/models/{quote(model, safe='')}/{verb}", None)["model"])

    def _call(self, method: str, path: str, timeout_s: float | None) -> Any:
        connection = _Connection(self._socket, timeout_s)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException):
            raise NotRunning(
                "The running `viewfinder serve` no longer answers.",
                hint="Start it: viewfinder serve",
            ) from None
        finally:
            connection.close()
        if reply.status == http.client.OK:
            return json.loads(content)
        raise _refusal(reply.status, content)


class _Connection(http.client.HTTPConnection):
    """One to a Unix socket."""

    def __init__(self, path: str, timeout_s: float | None) -> None:
        super().__init__("viewfinder", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _refusal(status: int, content: bytes) -> ViewfinderError:
    """The server's own error."""
    try:
        error = json.loads(content)["error"]
        code, message, hint = str(error["code"]), str(error["message"]), str(error.get("hint", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ViewfinderError(f"The running `viewfinder serve` answered with status {status}.")
    kind = BadRequest if status in (400, 404) else ViewfinderError
    return kind(message, hint=hint, code=code)
