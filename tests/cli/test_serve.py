"""What `serve` prints for a person, once it listens."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from viewfinder.api.serving import Serving
from viewfinder.cli import browsing
from viewfinder.cli.demo import where_to_look
from viewfinder.cli.serve import _print


def printed(serving: Serving) -> list[str]:
    console = Console(file=StringIO(), soft_wrap=True)
    _print(serving, console)
    return console.file.getvalue().splitlines()


def test_for_this_computer_alone_one_address_is_enough() -> None:
    first, second, third = printed(Serving("http://127.0.0.1:8080", ("mine",)))
    assert first == "Viewfinder listens at http://127.0.0.1:8080/v1 (Ctrl-C stops it)"
    assert second == "In a browser: http://127.0.0.1:8080/"
    assert third == "Models: mine"


def test_others_get_an_address_of_the_network_and_the_keys() -> None:
    addresses = ("http://192.0.2.7:8080", "http://10.0.0.7:8080")
    keys = ("settings", *(f"name-{number}" for number in range(7)))
    lines = printed(Serving("http://127.0.0.1:8080", ("mine",), addresses=addresses, keys=keys))
    assert lines[:5] == [
        "Viewfinder listens at http://192.0.2.7:8080/v1 (Ctrl-C stops it)",
        "In a browser: http://192.0.2.7:8080/",
        "Also at: http://10.0.0.7:8080/v1",
        "On this computer: http://127.0.0.1:8080/v1",
        "Requests need a key: that of the settings, name-0, name-1, name-2, name-3, name-4 and 2 more "
        "(add one: viewfinder keys add NAME)",
    ]


def opened(monkeypatch: pytest.MonkeyPatch, *, works: bool) -> tuple[list[str], list[str]]:
    """What a browser was asked to open, and what was said of it."""
    asked, told = [], []
    monkeypatch.setattr(browsing.webbrowser, "open", lambda address: asked.append(address) or works)
    monkeypatch.setattr(browsing.errors, "print", lambda line, **_: told.append(line))
    browsing.show_in_browser("http://127.0.0.1:8080/").join()
    return asked, told


def test_the_page_is_opened_in_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    assert opened(monkeypatch, works=True) == (["http://127.0.0.1:8080/"], [])


def test_where_no_browser_opens_its_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    assert opened(monkeypatch, works=False)[1] == [
        "No browser could be opened here. Open http://127.0.0.1:8080/ in one."
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
def test_without_a_screen_no_browser_takes_over_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    asked, told = opened(monkeypatch, works=True)
    assert asked == []
    assert len(told) == 1


def test_the_demo_ends_with_a_command_that_can_be_typed_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "viewfinder"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    monkeypatch.setenv("PATH", "")
    assert where_to_look().endswith("bin/viewfinder serve --open (http://127.0.0.1:8080/)")
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert where_to_look().endswith(" viewfinder serve --open (http://127.0.0.1:8080/)")
