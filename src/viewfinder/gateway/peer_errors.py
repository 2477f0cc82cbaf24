"""What another gateway says went wrong, as our client gets it; called by `relay` and `chat`."""

import re

from starlette.types import Scope

from viewfinder.catalog.card import Variant
from viewfinder.catalog.peers import SharedCatalog, is_elsewhere
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import (
    EngineDied,
    EngineRefused,
    EngineStalled,
    PeerRefused,
    UnknownModel,
    ViewfinderError,
)
from viewfinder.core.gateway_id import VIA_HEADER
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.peer_server import away, wrong_key

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_SAID = 2000
_PASSED_ON = (b"retry-after", b"x-should-retry")


def as_of_peer(error: ViewfinderError, endpoint: Endpoint) -> ViewfinderError:
    """The error of a request to an endpoint: that of another gateway with its own status, code and sentence,
    of which nothing can be more than a short text. Any other server's stays as it is."""
    if not endpoint.peer:
        return error
    if isinstance(error, EngineDied | EngineStalled):
        return away(endpoint.peer)
    if not isinstance(error, EngineRefused):
        return error
    if error.status in (401, 403):  # it is our key that is wrong, not our client's
        return wrong_key(endpoint.peer, error.status)
    said = error.said if isinstance(error.said, dict) else {}
    return PeerRefused(
        _text(said.get("message")) or f"The gateway '{endpoint.peer}' refused the request.",
        status=error.status if 400 <= error.status < 600 else 502,
        kind=_word(said.get("type")) or "server_error",
        param=_text(said.get("param")) or None,
        code=_word(said.get("code")),
        headers={
            name.decode(): value.decode()
            for name in _PASSED_ON
            if re.fullmatch(rb"\d{1,5}|true|false", value := error.headers.get(name, b""))
        },
    )


def require_reachable(fleet: Fleet, variant: Variant, scope: Scope) -> None:
    """Raises, for a model of another gateway, what is known to be in the way: Busy when the gateway does not
    answer, EngineRefused when it was refused; and UnknownModel for a request that another gateway sent: it
    passes one, so that it never circles."""
    if not is_elsewhere(variant):
        return
    if is_from_a_gateway(scope):
        raise UnknownModel(
            f"The model is at another gateway ('{variant.name}'), and this request comes from one.",
            hint=f"Name '{variant.name}' under [endpoints] where the request was made.",
            param="model",
        )
    catalog = fleet.catalog
    peer = catalog.peers.get(variant.name) if isinstance(catalog, SharedCatalog) else None
    if peer is not None and peer.state == "unreachable":
        raise away(variant.name)
    if peer is not None and peer.state == "refused":
        raise EngineRefused(f"The gateway '{variant.name}' cannot be used: {peer.reason}")


def is_from_a_gateway(scope: Scope) -> bool:
    return any(name == VIA_HEADER.encode() for name, _ in scope["headers"])


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(mark if mark.isprintable() else " " for mark in value[:_MOST_SAID])
