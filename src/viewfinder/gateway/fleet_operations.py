"""What the paths under /fleet do, for the OpenAPI document; read by `openapi`."""

from pydantic import RootModel

from viewfinder.fleet.record.answers import NotedAnswer
from viewfinder.fleet.record.events import Event
from viewfinder.fleet.view import FleetView
from viewfinder.gateway.operation import Operation
from viewfinder.wire.reply_types import Sent


class ChangedModel(Sent):
    """The name that the catalog has for the model."""

    model: str


class RecentEvents(RootModel[tuple[Event, ...]]):
    """The oldest first."""


class SuspectAnswers(RootModel[tuple[NotedAnswer, ...]]):
    """The oldest first."""


def _command(summary: str, *errors: int) -> Operation:
    return Operation(summary, ChangedModel, (404, 415, *errors), "name", method="post")


FLEET_OPERATIONS = {
    "/fleet": Operation("Every server process, and the queue.", FleetView),
    "/fleet/events": Operation("What happened recently.", RecentEvents),
    "/fleet/suspects": Operation("Answers that can no longer be trusted.", SuspectAnswers),
    "/fleet/stream": Operation(
        "Server-sent events without an end: `fleet` is what /fleet has, at first and whenever it changed; "
        "`event` is one of /fleet/events.",
        "text/event-stream",
    ),
    "/fleet/models/{name}/load": _command("Loads a model, also one that was given up.", 502, 504),
    "/fleet/models/{name}/unload": _command("Unloads a model, and waits until its process has ended."),
    "/fleet/models/{name}/pin": _command("Keeps a model loaded when others need room, or when it is idle."),
    "/fleet/models/{name}/unpin": _command("No longer keeps it."),
}
