"""Without the extra `--ray` says how to get it. Nothing else imports Ray: all other tests run without it."""

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from tests.e2e.conftest import run
from viewfinder.cli.commands import ADDRESS, with_values
from viewfinder.cli.main import app
from viewfinder.core.errors import BadRequest, EngineMissing
from viewfinder.core.version import install_command

OPTIONS = [SimpleNamespace(metavar=ADDRESS, opts=["--ray"]), SimpleNamespace(metavar="FILE", opts=["--log"])]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here")
def test_ray_that_is_missing_is_one_line_to_type(tmp_path: Path) -> None:
    done = run("serve", "--ray", "--port", "0", home=tmp_path)
    assert (done.returncode, done.stdout) == (EngineMissing.exit_code, "")
    assert "Ray, which connects several machines, is not installed." in done.stderr
    assert install_command("cluster") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here")
def test_bench_needs_it_too_and_says_so() -> None:
    said = CliRunner().invoke(app, ["bench", "--ray", "local", "glimpse"])
    assert isinstance(said.exception, EngineMissing)
    assert install_command("cluster") in said.exception.hint


@pytest.mark.parametrize("words", [["--endpoint", "http://x"], ["--vqa", "."], ["--only"], ["--budget=9m"]])
def test_what_nodes_do_not_measure_is_refused(words: list[str]) -> None:
    said = CliRunner().invoke(app, ["bench", "glimpse", "--ray", "local", *words])
    assert isinstance(said.exception, BadRequest)
    assert words[0].partition("=")[0] in said.exception.message


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        (["--ray"], ["--ray", "auto"]),
        (["--ray", "glimpse"], ["--ray", "auto", "glimpse"]),
        (["--ray", "--port", "1"], ["--ray", "auto", "--port", "1"]),
        (["--ray", "10.0.0.1:6379", "glimpse"], ["--ray", "10.0.0.1:6379", "glimpse"]),
        (["--ray", "local"], ["--ray", "local"]),
        (["--ray", "hf:owner/name"], ["--ray", "auto", "hf:owner/name"]),
        (["--ray=head:1", "glimpse"], ["--ray=head:1", "glimpse"]),
        (["--log", "--ray"], ["--log", "--ray", "auto"]),
        (["--", "--ray"], ["--", "--ray"]),
    ],
)
def test_the_address_may_be_left_out(typed: list[str], understood: list[str]) -> None:
    assert with_values(typed, OPTIONS) == understood
