"""Who counts as one client."""

from viewfinder.gateway.keys import OF_SETTINGS
from viewfinder.gateway.sender import KEY_OWNER, sender
from viewfinder.media.fairness import Client


def test_an_address_without_a_key_of_its_own() -> None:
    assert sender({"client": ("10.0.0.7", 4711)}) == Client("10.0.0.7", "10.0.0.7 4711")
    shared = {"client": ("10.0.0.7", 4711), KEY_OWNER: OF_SETTINGS}
    assert sender(shared) == Client("10.0.0.7", "10.0.0.7 4711")


def test_a_named_key_is_one_client_from_every_address() -> None:
    assert sender({"client": ("10.0.0.7", 1), KEY_OWNER: "ann"}).name == "key ann"
    assert sender({"client": ("10.0.0.8", 1), KEY_OWNER: "ann"}).name == "key ann"


def test_a_unix_socket_has_no_address() -> None:
    assert sender({"client": None}).name == ""
