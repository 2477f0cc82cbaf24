"""`results compare`: any two runs, as the guide compares a result with the one before."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.api.test_baseline import BASE, keep, times
from viewfinder.api.comparing import compare_runs
from viewfinder.cli.main import app
from viewfinder.core.errors import BadRequest

FIRST, SECOND, THIRD = "20261120T100000Z-aaaaaa", "20261121T100000Z-bbbbbb", "20261122T100000Z-cccccc"


@pytest.fixture
def runs() -> None:
    keep(FIRST, 20, {"glimpse": BASE, "other": BASE})
    keep(SECOND, 21, {"glimpse": times(1.33)})
    keep(THIRD, 22, {"glimpse": BASE, "third": BASE})


@pytest.mark.usefixtures("runs")
def test_two_that_are_not_the_newest(tmp_path: Path) -> None:
    (one,) = compare_runs(FIRST, "20261121")
    assert f"against run {FIRST}" in one.text
    assert any("worse" in line for line in one.regressions)
    (back,) = compare_runs(SECOND, THIRD)
    assert back.regressions == ()
    file = tmp_path / "compared.json"
    done = CliRunner().invoke(app, ["results", "compare", FIRST, SECOND, "--json", "-o", str(file)])
    assert done.exit_code == 0
    assert json.loads(file.read_text()) == [one.model_dump(mode="json")]
    words = CliRunner().invoke(app, ["results", "compare", FIRST, SECOND]).stdout
    assert "**Became worse**" in words
    assert words.count("\n| ") > len(one.grid.rows)


@pytest.mark.usefixtures("runs")
def test_runs_that_have_nothing_in_common() -> None:
    keep("20261123T100000Z-dddddd", 23, {"fourth": BASE})
    for before, after in ((FIRST, "20261123"), (FIRST, FIRST)):
        with pytest.raises(BadRequest) as refused:
            compare_runs(before, after)
        assert refused.value.reason == "nothing_to_compare"
    with pytest.raises(BadRequest, match="There is no run"):
        compare_runs(FIRST, "never")
