"""Where images may be fetched from: addresses of the public internet, and no other; called by `remote`.

A request must not make this computer speak to itself, to its network, or to what a cloud tells its machines
(169.254.169.254), for a client that cannot reach them.
"""

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import psutil

from viewfinder.media.header import Refused

MOST_URL_CHARS = 8192
PORTS = {"http": 80, "https": 443}
NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
        ),
    )
)  # fmt: skip
"""By IANA's registries of special addresses, of which each Python knows another part. Of IPv6, all but
2000::/3 is left out, too: mapped IPv4, NAT64, private, link-local and multicast addresses."""
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_KEPT = "!$%&'()*+,-./:;=?@[]_~"


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """A URL, taken apart once: what is checked is what is connected to."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def is_remote(url: object) -> bool:
    """Whether it is a URL of the web."""
    return isinstance(url, str) and url[:8].lower().startswith(("http://", "https://"))


def remote_address(url: str) -> RemoteAddress:
    """The address in a URL. Raises Refused."""
    if len(url) > MOST_URL_CHARS or re.search(r"[\x00-\x20\x7f\\]", url):
        raise Refused("remote_url")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("remote_url") from None
    if parts.scheme not in PORTS or "@" in parts.netloc or not _HOST.fullmatch(host):
        raise Refused("remote_url")
    target = quote(parts.path or "/", safe=_KEPT)
    if parts.query:
        target += f"?{quote(parts.query, safe=_KEPT)}"
    return RemoteAddress(parts.scheme, host, PORTS[parts.scheme] if port is None else port, target)


def redirected(url: str, location: str) -> str:
    """Where an answer leads that redirects. Raises Refused."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise Refused("remote_url") from None


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet, and not this computer's own."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # with a zone, which only a link-local one has
        return False
    if ip.version == 6 and ip not in PUBLIC_IPV6:
        return False
    if not ip.is_global or any(ip in network for network in NOT_PUBLIC if network.version == ip.version):
        return False
    return str(ip) not in _own()


def _own() -> set[str]:
    with suppress(OSError):
        return {one.address for several in psutil.net_if_addrs().values() for one in several}
    return set()
