"""What `serve` prints for a person, once it listens."""

from io import StringIO

from rich.console import Console

from viewfinder.api.serving import Serving
from viewfinder.cli.serve import _print


def printed(serving: Serving) -> list[str]:
    console = Console(file=StringIO(), soft_wrap=True)
    _print(serving, console)
    return console.file.getvalue().splitlines()


def test_for_this_computer_alone_one_address_is_enough() -> None:
    first, second = printed(Serving("http://127.0.0.1:8080", ("mine",)))
    assert first == "Viewfinder listens at http://127.0.0.1:8080/v1 (Ctrl-C stops it)"
    assert second == "Models: mine"


def test_others_get_an_address_of_the_network_and_the_keys() -> None:
    addresses = ("http://192.0.2.7:8080", "http://10.0.0.7:8080")
    keys = ("settings", *(f"name-{number}" for number in range(7)))
    lines = printed(Serving("http://127.0.0.1:8080", ("mine",), addresses=addresses, keys=keys))
    assert lines[:4] == [
        "Viewfinder listens at http://192.0.2.7:8080/v1 (Ctrl-C stops it)",
        "Also at: http://10.0.0.7:8080/v1",
        "On this computer: http://127.0.0.1:8080/v1",
        "Requests need a key: that of the settings, name-0, name-1, name-2, name-3, name-4 and 2 more "
        "(add one: viewfinder keys add NAME)",
    ]
