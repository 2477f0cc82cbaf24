"""What `--help` prints, for every command."""

import re

import click
import pytest
import typer.main
from typer.testing import CliRunner

from viewfinder.cli.main import app

ROOT = typer.main.get_command(app)


def commands(command: click.Command, *names: str) -> list[tuple[str, ...]]:
    """The names of a command and of all its subcommands, as they are typed."""
    children = getattr(command, "commands", {})
    return [names, *(path for name, child in children.items() for path in commands(child, *names, name))]


def found(path: tuple[str, ...]) -> click.Command:
    command = ROOT
    for name in path:
        command = command.commands[name]
    return command


def shown(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    """The help on lines that are long enough for all of it."""
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("path", commands(ROOT), ids=lambda path: " ".join(path) or "viewfinder")
def test_nothing_in_the_help_is_eaten(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve --help` printed "Address to listen on .": rich took "[default: 127.0.0.1]" for its markup."""
    page = " ".join(shown(path, monkeypatch).split())
    command = found(path)
    for text in (*(command.help or "").split("\n\n"), *(getattr(one, "help", "") for one in command.params)):
        assert " ".join((text or "").split()) in page, "every help text is printed as it is written"
    assert not re.search(r"\s[.,;:)](?!\w)|\(\s|\[\s*\]|default:?\s*\]|\bNone\b", page), "nothing is missing"


def test_the_defaults_of_serve_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    page = shown(("serve",), monkeypatch)
    assert re.search(r"Address to listen on\. +\[default: \(?127\.0\.0\.1\)?\]", page)
    assert re.search(r"Port to listen on; 0 takes any\. +\[default: \(?8080\)?\]", page)
