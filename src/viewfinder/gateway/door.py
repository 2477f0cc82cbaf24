"""Who may be connected: a number in all, and a number from one address; asked by `connection`.

a connection beyond a number          what happens
another one has no request            that one is closed (the oldest; one without any request first)
all others have requests in progress  its request is answered 503, with Retry-After
very many of these                    it is closed without an answer
"""

import ipaddress
import logging
from functools import lru_cache
from typing import Protocol

from viewfinder.core.seldom import Seldom

SURPLUS = 64
"""Connections beyond the number that wait for their 503."""
DESCRIPTORS_KEPT = 128
"""For engines, decoders, logs and models."""
DESCRIPTORS_EACH = 2
"""A connection's own, and that of its request to the engine."""

_log = logging.getLogger(__name__)
_log.addFilter(Seldom())


class Guest(Protocol):
    """A connection; `busy` is 0 before its first request, 1 between requests, 2 while a request arrives or an
    answer is read, and 3 while it is made."""

    @property
    def busy(self) -> int: ...

    def make_room(self) -> None:
        """Close, because another connection needs the place."""


class Door:
    """The connections of one server."""

    def __init__(self, most: int, most_per_address: int, descriptors: int) -> None:
        self._descriptors = descriptors
        self.limit(most, most_per_address)
        self._inside: dict[str, dict[Guest, None]] = {}
        self._addresses: dict[Guest, str] = {}
        self._surplus: set[Guest] = set()

    def limit(self, most: int, most_per_address: int) -> None:
        """Let in that many from now on."""
        self.most = max(1, min(most, (self._descriptors - DESCRIPTORS_KEPT) // DESCRIPTORS_EACH))
        self.most_per_address = min(most_per_address, self.most)

    def enter(self, guest: Guest, host: str | None) -> bool:
        """Whether the connection may send a request; otherwise it is a surplus one, until it leaves."""
        address = address_of(host)
        neighbours = self._inside.get(address, {})
        if address and len(neighbours) >= self.most_per_address:
            is_free = self._made_room(neighbours)
        else:
            is_free = len(self._addresses) < self.most or self.make_room()
        if not is_free:
            self._surplus.add(guest)
            _log.warning(
                "Connections are refused: %d are open, %d of them from %s, all with requests in progress.",
                len(self._addresses),
                len(neighbours),
                address or "this computer",
            )
            return False
        self._inside.setdefault(address, {})[guest] = None
        self._addresses[guest] = address
        return True

    @property
    def is_crowded(self) -> bool:
        """Whether there are too many surplus connections to answer."""
        return len(self._surplus) > SURPLUS

    def leave(self, guest: Guest) -> None:
        self._surplus.discard(guest)
        address = self._addresses.pop(guest, None)
        if address is not None:
            del self._inside[address][guest]
            if not self._inside[address]:
                del self._inside[address]

    def make_room(self) -> bool:
        """Close one connection without a request, of the address with the most; false if there is none."""
        return self._made_room(max(self._inside.values(), key=len, default={}))

    def _made_room(self, crowd: dict[Guest, None]) -> bool:
        guest = min(crowd, key=lambda guest: guest.busy, default=None)  # the oldest of the least busy
        if guest is None or guest.busy > 2:
            return False
        self.leave(guest)
        guest.make_room()
        return True


@lru_cache(maxsize=4096)
def address_of(host: str | None) -> str:
    """What counts as one address: of IPv6 the network that one household gets; "" for a Unix socket."""
    if not host:
        return ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.version == 6 and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
