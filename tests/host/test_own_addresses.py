"""The addresses that are shown to teammates: those that they can use."""

import ipaddress

import psutil
import pytest

from viewfinder.host.own_addresses import SHOWN, own_addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.8.9.10", "localhost"])
def test_nobody_else_reaches_loopback(host: str) -> None:
    assert own_addresses(host) == ()


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "box.example.org"])
def test_what_was_chosen_is_what_others_use(host: str) -> None:
    assert own_addresses(host) == (host,)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_of_a_wildcard_it_is_the_addresses_of_this_computer(host: str) -> None:
    found = own_addresses(host)
    ours = {one.address for several in psutil.net_if_addrs().values() for one in several}
    assert len(set(found)) == len(found) <= SHOWN
    assert {*found} <= ours
    for one in map(ipaddress.ip_address, found):
        assert not any((one.is_loopback, one.is_unspecified, one.is_link_local))
    if host == "0.0.0.0":
        assert all(ipaddress.ip_address(one).version == 4 for one in found)
