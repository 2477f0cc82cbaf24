"""Issue 3: measuring and using a server that Viewfinder did not start."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import run
from tests.running_server import MODEL, running_server


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_bench_and_ask_of_a_running_server(tmp_path: Path) -> None:
    with running_server(tmp_path / "log") as address:
        full = f"{address}/v1/chat/completions/"
        words = ("bench", "--endpoint", full, "--suite", "quick", "--budget", "20s", "--json")
        benched = run(*words, home=tmp_path / "home", patience_s=240)
        assert benched.returncode == 0, benched.stderr
        (result,) = json.loads(benched.stdout)
        assert (result["model"], result["model_id"]) == (f"else-at-{address[7:]}", MODEL)
        assert result["endpoint"] == f"{address}/v1/chat/completions"
        assert result["status"] == "verified"
        assert "sessions with a server that was running already" in result["average_inference"]["how"]
        assert "not ours" in result["memory_difference"]["missing"]
        assert "not ours" in result["load"]["first_correct"]["missing"]

        guide = run("guide", home=tmp_path / "home")
        assert f"viewfinder bench --endpoint {address} {MODEL}" in guide.stdout

        config = tmp_path / "viewfinder.toml"
        config.write_text(f'[endpoints.far]\nbase_url = "{address}"\nmodel = "{MODEL}"\n')
        asked = run("ask", "far", "What is 3 plus 4?", home=tmp_path / "other", VIEWFINDER_CONFIG=str(config))
        assert asked.stdout == "7.\n", asked.stderr


def test_an_address_where_no_server_runs_is_reported(tmp_path: Path) -> None:
    done = run("bench", "--endpoint", "http://127.0.0.1:9", home=tmp_path)
    assert done.returncode == 2
    assert "Nothing answers at http://127.0.0.1:9" in done.stderr


def test_one_that_does_not_answer_about_an_image_is_refused_with_its_own_words(tmp_path: Path) -> None:
    """It was measured for minutes, and called text-only."""
    with running_server(tmp_path / "log", sees=False) as address:
        done = run("bench", "--endpoint", address, home=tmp_path)
        assert done.returncode == 2
        assert (
            "did not answer a question about an image: The server refused: image input is not" in done.stderr
        )
        assert "vision = false" in done.stderr
    assert run("guide", home=tmp_path).stderr.count("Nothing was measured here yet") == 1


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://"])
def test_an_address_that_is_not_valid_is_reported(tmp_path: Path, url: str) -> None:
    done = run("bench", "--endpoint", url, "m", home=tmp_path)
    assert done.returncode == 2
    assert "is not the address of a server" in done.stderr
