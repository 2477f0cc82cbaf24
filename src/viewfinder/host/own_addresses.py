"""At which addresses other computers reach this one; called by api, which shows them to whoever serves."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress

import psutil

OF_THIS_COMPUTER = ("docker", "br-", "veth", "virbr", "cni", "flannel", "podman", "lxc")
"""What the names of interfaces to containers and virtual machines begin with."""
SHOWN = 4
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Reserved for documentation: the way there is the way to the internet (RFC 5737, RFC 3849)."""


def own_addresses(host: str) -> tuple[str, ...]:
    """The addresses to reach a server that listens at `host`: itself; of a wildcard those of the network, the
    one of the default route first, and of these at most SHOWN. Empty when only this computer reaches it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a name
        return () if host == "localhost" else (host,)
    if address.is_loopback:
        return ()
    if not address.is_unspecified:
        return (host,)
    families = [socket.AF_INET] if address.version == 4 else [socket.AF_INET, socket.AF_INET6]
    found = [one for family in families for one in (*_on_the_way_out(family), *_of_interfaces(family))]
    return tuple(dict.fromkeys(filter(_is_for_others, found)))[:SHOWN]


def _on_the_way_out(family: socket.AddressFamily) -> Iterator[str]:
    """The address that this computer has on its default route; nothing is sent."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_ELSEWHERE[family], 9))
        yield str(probe.getsockname()[0])


def _of_interfaces(family: socket.AddressFamily) -> Iterator[str]:
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    for name, addresses in psutil.net_if_addrs().items():
        if name in up and not name.startswith(OF_THIS_COMPUTER):
            yield from (one.address for one in addresses if one.family == family)


def _is_for_others(address: str) -> bool:
    """Not one of a link (fe80::, 169.254.), which needs the name of an interface, or is of no use."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:  # with the name of an interface
        return False
    return not (one.is_loopback or one.is_link_local or one.is_unspecified)
