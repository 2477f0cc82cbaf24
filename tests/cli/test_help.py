"""What `--help` prints, for every command."""

import itertools
import re
import subprocess
import sys

import click
import pytest
import typer.main
from typer.testing import CliRunner

from viewfinder.cli.commands import ALIASES, COMMANDS
from viewfinder.cli.main import app

ROOT = typer.main.get_command(app)


def commands(command: click.Command, *names: str) -> list[tuple[str, ...]]:
    """The names of a command and of all its subcommands, as they are typed."""
    children = command.list_commands(None) if hasattr(command, "list_commands") else []
    below = (commands(command.get_command(None, name), *names, name) for name in children)
    return [names, *itertools.chain.from_iterable(below)]


def found(path: tuple[str, ...]) -> click.Command:
    command = ROOT
    for name in path:
        command = command.get_command(None, name)
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
    page = " ".join(shown(path, monkeypatch).split()).replace("- ", "-")  # lines end after hyphens, too
    command = found(path)
    for text in (*(command.help or "").split("\n\n"), *(getattr(one, "help", "") for one in command.params)):
        assert " ".join((text or "").split()).replace("- ", "-") in page, (
            "every help text is printed as it is written"
        )
    assert not re.search(r"\s[.,;:)](?!\w)|\(\s|\[\s*\]|default:?\s*\]|\bNone\b", page), "nothing is missing"


def test_the_defaults_of_serve_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    page = shown(("serve",), monkeypatch)
    assert re.search(r"Address to listen on\. +\[default: \(?127\.0\.0\.1\)?\]", page)
    assert re.search(r"Port to listen on; 0 takes any\. +\[default: \(?8080\)?\]", page)


def test_the_table_of_commands_says_what_each_says_of_itself() -> None:
    for section in COMMANDS.values():
        for name, (_, sentence) in section.items():
            assert " ".join(found((name,)).help.partition("\n\n")[0].split()) == sentence


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_is_the_command(alias: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = shown((alias,), monkeypatch)
    assert page.replace(f"viewfinder {alias} ", f"viewfinder {name} ") == shown((name,), monkeypatch)


@pytest.mark.parametrize(
    ("words", "page"), [(["help"], ["--help"]), (["help", "results", "rm"], ["results", "rm", "--help"])]
)
def test_help_is_a_command_too(words: list[str], page: list[str]) -> None:
    assert CliRunner().invoke(app, words).output == CliRunner().invoke(app, page).output


def test_version_is_a_command_too() -> None:
    assert CliRunner().invoke(app, ["version"]).output == CliRunner().invoke(app, ["--version"]).output


def test_nothing_typed_shows_the_help_and_is_no_success() -> None:
    result = CliRunner().invoke(app, [])
    assert (result.exit_code, result.output) == (2, CliRunner().invoke(app, ["--help"]).output)


HEAVY = ("asyncio", "filelock", "httpx2", "huggingface_hub", "numpy", "PIL", "pydantic", "pydantic_settings")


@pytest.mark.parametrize(("words", "also"), [(["--help"], ("logging", "rich")), (["ps"], ("rich.live",))])
def test_what_takes_long_to_import_is_not_imported(words: list[str], also: tuple[str, ...]) -> None:
    """`--help` took 0.28 s of processor time beyond Python's own start, and `ps` 0.25 s."""
    script = (
        "import sys\nfrom viewfinder.__main__ import main\n"
        "try:\n    main()\nfinally:\n    print('IMPORTED', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    imported = done.stdout.partition("IMPORTED ")[2].split()
    assert "typer" in imported
    assert {*HEAVY, *also}.isdisjoint(imported)
