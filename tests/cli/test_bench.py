"""The words of `viewfinder bench`."""

import pytest
from typer.testing import CliRunner

from viewfinder.cli.main import app
from viewfinder.core.errors import BadRequest, ViewfinderError


@pytest.mark.parametrize(
    "words", [["glimpse"], ["--suite", "quick"], ["--endpoint", "http://127.0.0.1:1/v1"]]
)
def test_a_run_goes_on_as_it_was_asked_for(words: list[str]) -> None:
    said = CliRunner().invoke(app, ["bench", "--resume", *words])
    assert isinstance(said.exception, BadRequest)
    assert said.exception.exit_code == 2


def test_nothing_to_go_on_with() -> None:
    said = CliRunner().invoke(app, ["bench", "--resume"])
    assert isinstance(said.exception, ViewfinderError)
    assert said.exception.reason == "nothing_to_resume"
