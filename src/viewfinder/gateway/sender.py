"""Who sent a request, for the metrics and for fairness between clients; called by the rest of the gateway."""

from starlette.types import Scope

from viewfinder.gateway.keys import OF_SETTINGS
from viewfinder.media.fairness import Client

KEY_OWNER = "viewfinder.key"
"""Where a request's scope has the name of its key."""


def sender(scope: Scope) -> Client:
    """The name of the key, or the address where all share one key or have none; and the connection."""
    address, port = scope.get("client") or ("", 0)
    owner = scope.get(KEY_OWNER, OF_SETTINGS)
    return Client(address if owner == OF_SETTINGS else f"key {owner}", f"{address} {port}")
