"""The running `viewfinder serve` of this state folder, to look at and to steer.

Called by `ps`, `load`, `stop`, `pin` and `unpin`, and from Python.
"""

from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import TypeAdapter

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, NotRunning, ViewfinderError
from viewfinder.fleet.record.answers import Answer
from viewfinder.fleet.record.events import Event
from viewfinder.fleet.record.view import FleetView
from viewfinder.host.ownership import running_owner

ANSWER_TIMEOUT_S = 10.0


class Control:
    """Finds the server; raises NotRunning when there is none.

    Every call raises the server's own refusal: BadRequest with its code for wrong words, ViewfinderError
    for work that failed, NotRunning when the server is gone meanwhile.
    """

    def __init__(self) -> None:
        home = paths.home()
        owner = running_owner(home)
        if owner is None or not owner.control:
            raise NotRunning(
                f"No `viewfinder serve` runs for {home}."
                if owner is None
                else f"The `viewfinder serve` of {home} is just starting.",
                hint="Start it: viewfinder serve" if owner is None else "Ask again in a moment.",
            )
        self.pid, self.url = owner.pid, owner.url
        self._socket = owner.control

    def fleet(self) -> FleetView:
        """Every model's server process, and the queue before them."""
        return TypeAdapter(FleetView).validate_python(self._call("GET", "/fleet", ANSWER_TIMEOUT_S))

    def events(self) -> list[Event]:
        """What happened lately, oldest first."""
        return TypeAdapter(list[Event]).validate_python(self._call("GET", "/events", ANSWER_TIMEOUT_S))

    def suspects(self) -> list[Answer]:
        """Answers that cannot be trusted any more, oldest first."""
        return TypeAdapter(list[Answer]).validate_python(self._call("GET", "/suspects", ANSWER_TIMEOUT_S))

    def load(self, model: str) -> str:
        """Load a model, also one that failed; returns its name when it is up."""
        return self._command(model, "load")

    def unload(self, model: str) -> str:
        """End a model's server process; returns its name when nothing is left of it."""
        return self._command(model, "unload")

    def pin(self, model: str, pinned: bool = True) -> str:
        """Say whether a model may be unloaded to make room; returns its name."""
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
                "The running `viewfinder serve` does not answer any more.",
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
