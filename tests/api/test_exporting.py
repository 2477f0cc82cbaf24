"""Export from the results file that commands and Python share."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import viewfinder
from tests.measure.store.test_store import RUN, sample
from tests.measure.test_export import graded
from viewfinder.cli.main import app
from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure.store.store import Store


@pytest.fixture
def stored() -> None:
    with Store(paths.results_file()) as store:
        store.begin(RUN)
        store.add(graded(0, right=True))
        store.add(graded(1, right=False))
        store.add(sample(model="other", place=0))


@pytest.mark.usefixtures("stored")
def test_everything_or_one_model_of_one_run() -> None:
    assert [json.loads(line)["model"] for line in viewfinder.export()] == ["glimpse", "glimpse", "other"]
    assert len(list(viewfinder.export("csv", models=["other"]))) == 1
    assert len(list(viewfinder.export(run="run1"))) == 3
    with pytest.raises(BadRequest, match="no run 'run7'"):
        list(viewfinder.export(run="run7"))


def test_nothing_stored_and_no_such_format() -> None:
    with pytest.raises(ViewfinderError, match="Nothing was measured"):
        list(viewfinder.export())
    with pytest.raises(BadRequest, match="jsonl, csv, lmms-eval"):
        viewfinder.export("parquet")
    with pytest.raises(BadRequest, match="export_lmms_eval"):
        viewfinder.export("lmms-eval")


@pytest.mark.usefixtures("stored")
def test_the_command(tmp_path: Path) -> None:
    page = CliRunner().invoke(app, ["export", "--format", "csv"])
    assert page.stdout.count("\n") >= 4
    file = tmp_path / "out.jsonl"
    assert CliRunner().invoke(app, ["export", "glimpse", "-o", str(file)]).exit_code == 0
    assert len(file.read_text().splitlines()) == 2
    folder = tmp_path / "lmms"
    assert CliRunner().invoke(app, ["export", "--format", "lmms-eval", "-o", str(folder)]).exit_code == 0
    names = sorted(path.name for path in folder.rglob("*") if path.is_file())
    assert names == [
        "2026-01-01T00-00-00_results.json",
        "2026-01-01T00-00-00_samples_viewfinder_vision.jsonl",
    ]


def test_a_failed_export_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    assert CliRunner().invoke(app, ["export", "-o", str(file)]).exit_code != 0
    assert not file.exists()


@pytest.mark.usefixtures("stored")
def test_a_dash_is_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote a file by that name."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "-o", "-"])
    assert (done.exit_code, done.stdout.count("\n")) == (0, 3)
    monkeypatch.setattr("viewfinder.api.measuring.compared_guide", lambda *_, **__: ("# The guide\n", []))
    done = CliRunner().invoke(app, ["guide", "-o", "-"])
    assert (done.exit_code, done.stdout) == (0, "# The guide\n")
    folder = CliRunner().invoke(app, ["export", "--format", "lmms-eval", "-o", "-"])
    assert isinstance(folder.exception, BadRequest)
    assert list(tmp_path.iterdir()) == []
