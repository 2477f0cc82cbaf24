"""`viewfinder estimate`: what was measured, or what measures it; it loads nothing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.fleet.record.test_image_budgets import stored, write
from viewfinder.catalog.catalog import Catalog
from viewfinder.cli.main import app
from viewfinder.engines.registry import engine_named
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.scene import make_scene

VARIANT = Catalog().get("glimpse").variants[0]


@pytest.fixture
def photo(tmp_path: Path) -> str:
    file = tmp_path / "photo.png"
    file.write_bytes(encode(make_scene("estimate/1")))
    return str(file)


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, ["estimate", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_was_measured_and_what_was_not(home: Path, photo: str) -> None:
    measured = stored(
        "20 tokens",
        "all tokens",
        model="glimpse",
        variant=VARIANT.name,
        engine_version=engine_named(VARIANT.engine).installed_version(),
    )
    write(home, measured)
    lines = dict(line.split(maxsplit=2)[::2] for line in printed("glimpse", photo).splitlines()[1:])
    assert lines["first"] == "0.2 s (0.1 to 0.3)"
    assert lines["peak"].endswith("(run: viewfinder bench glimpse --suite standard)")
    found = json.loads(printed("glimpse", photo, "What color is it?", "--max-tokens", "1", "--json"))
    assert found["whole_s"]["value"] == 0.2
    assert (found["state"], found["images"], found["answer_tokens"]) == ("stopped", 1, 1)


def test_a_file_that_is_not_there_is_no_question(photo: str) -> None:
    result = CliRunner().invoke(app, ["estimate", "glimpse", photo, f"{photo}.png"])
    assert result.exit_code != 0
    assert "question is missing" in str(result.exception)
