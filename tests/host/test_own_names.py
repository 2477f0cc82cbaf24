"""By which names this computer is reached, and which of its names are left out."""

import socket

import pytest

from viewfinder.host.own_names import IN_CONTAINERS, own_names


@pytest.mark.parametrize(
    ("name", "local", "reachable"),
    [
        ("workbox", {"workbox", "workbox.local"}, set()),
        ("WorkBox.Lan.Example", {"workbox", "workbox.local"}, {"workbox.lan.example"}),
        ("mac-of-anna.local", {"mac-of-anna", "mac-of-anna.local"}, set()),
        ("pc", set(), set()),
        ("ai.example", set(), {"ai.example"}),
        ("2130706433", set(), set()),
        ("10.0.0.7", set(), {"10.0.0.7"}),
        ("b\u00f6x", set(), set()),
        ("evil box", set(), set()),
        ("", set(), set()),
    ],
)
def test_names(monkeypatch: pytest.MonkeyPatch, name: str, local: set[str], reachable: set[str]) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert own_names(is_reachable=False) == {*IN_CONTAINERS, *local}
    assert own_names(is_reachable=True) == {*IN_CONTAINERS, *local, *reachable}
