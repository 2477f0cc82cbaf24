"""`--progress json`: lines for programs."""

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from viewfinder.catalog.pull import PullProgress
from viewfinder.cli.json_progress import BenchLines, ProgressForm, PullLines, errors_told
from viewfinder.cli.main import app
from viewfinder.core.errors import HubError
from viewfinder.measure.progress import Progress, SoFar

STEP = Progress("glimpse", "image questions", 30, 120, "quick", 12, 24, 90.0, 30.0, run="r1")


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line)["progress"] for line in capsys.readouterr().err.splitlines()]


def test_a_bench_tells_at_most_five_a_second_and_each_new_phase(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    told = BenchLines(clock)
    for _ in range(10):
        told.tell(STEP)
        clock.now_s += 0.06
    assert len(lines(capsys)) == 3
    told.tell(Progress("glimpse", "done", 120, 120, "quick", models=(SoFar("glimpse", "done", 9, 10),)))
    (last,) = lines(capsys)
    assert (last["is_done"], last["share"], last["models"][0]["right"]) == (True, 1.0, 9)


def test_a_pull_tells_its_speed_and_counts_nothing_that_was_here_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    told = PullLines(clock)
    for number in range(11):
        told.tell(PullProgress("downloading", "a.gguf", 5_000_000 + number * 100_000, 10_000_000))
        clock.now_s += 0.1
    first, *_, last = lines(capsys)
    assert (first["bytes_per_s"], first["left_s"]) == (None, None)
    assert last["bytes_per_s"] == pytest.approx(1_000_000)
    assert last["left_s"] == pytest.approx((10_000_000 - last["done_bytes"]) / 1_000_000)
    told.tell(PullProgress("checking", "a.gguf", 10_000_000, 10_000_000))
    (checking,) = lines(capsys)
    assert (checking["doing"], checking["bytes_per_s"]) == ("checking", None)


def test_an_error_is_a_line_and_keeps_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end, errors_told(ProgressForm.json):
        raise HubError("The hub is away.", hint="Carry the files.", code="hub_unreachable")
    assert end.value.exit_code == 1
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert line["error"] == {
        "code": "hub_unreachable", "message": "The hub is away.", "hint": "Carry the files."
    }  # fmt: skip
    with pytest.raises(HubError), errors_told(ProgressForm.text):
        raise HubError("The hub is away.")


@pytest.mark.parametrize("command", ["bench", "pull", "tune"])
def test_commands_that_take_long_take_it(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--progress", "json", "nonesuch"])
    assert done.exit_code == 2
    assert json.loads(done.stderr.splitlines()[-1])["error"]["code"] == "model_not_found"
