"""Events as a user reads them."""

import json

import pytest
from typer.testing import CliRunner

from viewfinder.cli.main import app
from viewfinder.core import paths


@pytest.fixture(autouse=True)
def told() -> None:
    event = {
        "kind": "death",
        "model": "glimpse",
        "at_s": 0.0,
        "details": {"up_s": 1.2345, "explanation": "It fell: é", "post_mortem": "/x"},
    }
    paths.event_file().write_text(f'{json.dumps(event)}\n{{"kind": "loa\n')


def test_an_event_is_a_line_and_other_lines_stay() -> None:
    result = CliRunner().invoke(app, ["events"])
    first, second = result.output.splitlines()
    assert first.endswith("death       glimpse  It fell: é It had been ready for 1.2 s.  Post-mortem: /x")
    assert second == '{"kind": "loa'


def test_json_is_printed_as_it_was_written() -> None:
    result = CliRunner().invoke(app, ["events", "--json", "-n", "2"])
    assert json.loads(result.output.splitlines()[0])["details"]["up_s"] == 1.2345
