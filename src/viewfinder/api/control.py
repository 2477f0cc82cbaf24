"""Controls the running `viewfinder serve` of this state folder.

Called by `ps`, `load`, `stop`, `pin`, `unpin` and `suspects`, and from Python.
"""

from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import TypeAdapter

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, NotRunning, ViewfinderError
from viewfinder.fleet.record.answers import NotedAnswer
from viewfinder.fleet.record.events import Event
from viewfinder.fleet.view import FleetView
from viewfinder.host.ownership import running_owner

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
        return TypeAdapter(FleetView).validate_python(self._call("GET", "/fleet", ANSWER_TIMEOUT_S))

    def events(self) -> list[Event]:
        """The recent events, oldest first."""
        return TypeAdapter(list[Event]).validate_python(self._call("GET", "/events", ANSWER_TIMEOUT_S))

    def suspects(self) -> list[NotedAnswer]:
        """Answers that can no longer be trusted, oldest first."""
        return TypeAdapter(list[NotedAnswer]).validate_python(
            self._call("GET", "/suspects", ANSWER_TIMEOUT_S)
        )

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
        transport = httpx2.HTTPTransport(uds=self._socket, trust_env=False)
        try:
            with httpx2.Client(
                transport=transport, base_url="http://viewfinder", timeout=timeout_s
            ) as client:
                reply = client.request(method, path)
        except httpx2.HTTPError:
            raise NotRunning(
                "The running `viewfinder serve` no longer answers.",
                hint="Start it: viewfinder serve",
            ) from None
        if reply.is_success:
            return reply.json()
        raise _refusal(reply)


def _refusal(reply: httpx2.Response) -> ViewfinderError:
    """The server's own error."""
    try:
        error = reply.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return ViewfinderError(f"The running `viewfinder serve` answered with status {reply.status_code}.")
    kind = BadRequest if reply.status_code in (400, 404) else ViewfinderError
    return kind(message, code=code)
