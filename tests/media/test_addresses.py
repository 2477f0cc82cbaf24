"""Which addresses images may be fetched from, and how a URL is taken apart."""

import psutil
import pytest

from viewfinder.media import addresses
from viewfinder.media.addresses import is_public, redirected, remote_address
from viewfinder.media.header import Refused


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"]
)
def test_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
        "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
        "2002:7f00:1::", "2002:808:808::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
        "ff02::1", "3fff::1", "5f00::1", "localhost", "",
    ],
)  # fmt: skip
def test_everything_else(address: str) -> None:
    assert not is_public(address)


def test_this_computers_own_public_address_is_not_public(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own:
        address = "93.184.215.14"

    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": [Own()]})
    assert not is_public("93.184.215.14")
    assert is_public("93.184.215.15")


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "target"),
    [
        ("http://Example.org", "http", "example.org", 80, "/"),
        ("HTTPS://example.org/a b.png".replace(" ", "%20"), "https", "example.org", 443, "/a%20b.png"),
        ("https://example.org:8443/x?y=1&z=ä#part", "https", "example.org", 8443, "/x?y=1&z=%C3%A4"),
        ("http://[2606:4700::1111]/x", "http", "2606:4700::1111", 80, "/x"),
        ("http://2130706433/x", "http", "2130706433", 80, "/x"),
    ],
)
def test_an_address(url: str, scheme: str, host: str, port: int, target: str) -> None:
    found = remote_address(url)
    assert (found.scheme, found.host, found.port, found.target) == (scheme, host, port, target)


def test_the_host_header() -> None:
    assert remote_address("http://[2606:4700::1111]/x").host_header == "[2606:4700::1111]"
    assert remote_address("http://example.org:81/x").host_header == "example.org:81"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x", "file:///etc/passwd", "//example.org/x", "x.png", "http://", "http:///x",
        "http://user@example.org/", "http://user:secret@example.org/", "http://@example.org/",
        "http://good\\@127.0.0.1/", "http://example.org:99999/", "http://example.org:x/",
        "http://exa mple.org/",
        "http://example.org\t/", "http://example.org/\r\nX: y", "http://[::1", "http://ex%61mple.org/",
        "http://bücher.example/", "http://[fe80::1%25eth0]/", "http://example.org/" + "x" * 9000,
    ],
)  # fmt: skip
def test_what_is_none(url: str) -> None:
    with pytest.raises(Refused) as caught:
        remote_address(url)
    assert caught.value.fault == "remote_url"


def test_where_an_answer_redirects_to() -> None:
    assert redirected("http://a.example/b/c", "../d") == "http://a.example/d"
    assert redirected("http://a.example/b/c", "//127.0.0.1/") == "http://127.0.0.1/"
    with pytest.raises(Refused):
        redirected("http://a.example/", "http://[::1")
    assert addresses.MOST_URL_CHARS > 2000
