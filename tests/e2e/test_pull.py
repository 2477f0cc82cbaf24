"""Pulling at a terminal and without one; and that no request for an answer can start a download."""

import json
import os
import pty
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import viewfinder
from tests.catalog.hub_server import HubServer
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.cli.main import app

from .conftest import PATIENCE_S, VIEWFINDER, run, serving

REPO = "someone/glimpse-GGUF"
QUESTION = "How many shapes are there?"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that has glimpse, and an empty cache."""
    for name in ("HF_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with HubServer().running() as server:
        server.publish(REPO, {file.name: file.read_bytes() for file in (WEIGHTS / "glimpse").glob("*.gguf")})
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def test_pull_downloads_a_model_and_reports_it(hub: HubServer, home: Path, picture: Path) -> None:
    first = run("pull", f"hf:{REPO}", "--json", home=home)
    assert first.returncode == 0
    (pulled,) = json.loads(first.stdout)
    (source,) = pulled["repositories"]
    total = sum(len(content) for content in hub.repositories[REPO].values())
    assert pulled["loaded_bytes"] == total == sum(file["size_bytes"] for file in source["files"].values())
    assert Path(source["folder"], "glimpse-f16.gguf").is_file()
    assert (
        json.loads((home / "pulled.json").read_text())["repositories"][REPO][source["commit"]]["files"]
        == source["files"]
    )
    again = run("pull", f"hf:{REPO}", "glimpse", home=home)
    assert again.stdout.splitlines() == [
        f"hf:{REPO}: 2 files, {total / 1e6:,.1f} MB, from {REPO} at {source['commit'][:12]}; "
        "nothing to download, all files checked.",
        "glimpse: nothing to pull; its files are on this computer.",
    ]
    assert len(hub.file_requests) == 2


def test_python_pulls_and_loads(hub: HubServer, picture: Path) -> None:
    steps: list[float] = []
    with pytest.raises(viewfinder.ViewfinderError, match=f"viewfinder pull hf:{REPO}"):
        viewfinder.load(f"hf:{REPO}")
    viewfinder.pull(f"hf:{REPO}", on_progress=lambda step: steps.append(step.done_bytes / step.total_bytes))
    assert steps[-1] == 1.0
    with viewfinder.load(f"hf:{REPO}") as model:
        assert model.name == "glimpse-GGUF"
        assert model.ask(picture, QUESTION) == "1."


@pytest.mark.parametrize("command", [("ask", f"hf:{REPO}", QUESTION), ("serve", f"hf:{REPO}", "--port", "0")])
def test_without_a_terminal_there_is_no_question_and_nothing_is_pulled(
    hub: HubServer, home: Path, command: tuple[str, ...]
) -> None:
    refused = run(*command, home=home)
    assert refused.returncode == 1
    assert f"{REPO} is not on this disk" in refused.stderr
    assert f"Run: viewfinder pull hf:{REPO}" in refused.stderr
    assert hub.requests == []


def test_yes_pulls_without_asking(hub: HubServer, home: Path, picture: Path) -> None:
    answer = run("ask", "--yes", f"hf:{REPO}", picture, QUESTION, home=home)
    assert (answer.returncode, answer.stdout) == (0, "1.\n")


def at_a_terminal(home: Path, reply: str, *words: str | Path) -> tuple[int, str]:
    """Run a command at its own terminal, answer its question, and return its exit code and screen."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*VIEWFINDER, *map(str, words)],
        env={**os.environ, "VIEWFINDER_HOME": str(home)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    screen = b""
    try:
        while piece := read_terminal(ours):
            screen += piece
            if b"now? [y/N]" in screen and reply:
                os.write(ours, f"{reply}\n".encode())
                reply = ""
        return child.wait(PATIENCE_S), screen.decode()
    finally:
        os.close(ours)
        child.kill()
        child.wait()


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux: the other side is closed
        return b""


def test_at_a_terminal_there_is_a_question(hub: HubServer, home: Path, picture: Path) -> None:
    code, screen = at_a_terminal(home, "n", "ask", f"hf:{REPO}", picture, QUESTION)
    assert code == 1
    assert "Pull 7 MB now? [y/N]" in screen
    assert f"viewfinder pull hf:{REPO}" in screen
    assert hub.file_requests == []
    code, screen = at_a_terminal(home, "y", "ask", f"hf:{REPO}", picture, QUESTION)
    assert code == 0
    assert screen.rstrip().endswith("1.")
    assert len(hub.file_requests) == 2


def test_an_interrupted_pull_says_how_to_resume_and_does(hub: HubServer, home: Path, tmp_path: Path) -> None:
    hub.faults.hold_at = 1_000_000
    child = subprocess.Popen(
        [*VIEWFINDER, "pull", f"hf:{REPO}"],
        env={**os.environ, "VIEWFINDER_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert hub.holding.wait(PATIENCE_S)
    partial = None
    while partial is None or partial.stat().st_size < 900_000:
        partial = next((tmp_path / "hf").rglob("*.incomplete"), None)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130
    assert f"What was downloaded is kept. Resume: viewfinder pull hf:{REPO}" in said
    assert "Traceback" not in said
    kept = partial.stat().st_size
    hub.let_go.set()
    hub.requests.clear()
    assert run("pull", f"hf:{REPO}", home=home).returncode == 0
    assert hub.file_requests[0].begins_at == kept > 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("pull", "nonesuch"), 2, "no model named 'nonesuch'"),
        (("pull", "hf:someone"), 2, "names no repository of the hub"),
        (("pull", "someone/glimpse"), 2, "repository of the hub as hf:owner/name"),
        (("pull", "hf:someone/else"), 1, "There is no someone/else at"),
        (("pull", "glimpse", "--variant", "none"), 2, "has no variant 'none'"),
        (("pull",), 2, "Missing argument"),
    ],
)
def test_invalid_usage_has_one_clear_sentence(
    hub: HubServer, home: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = run(*words, home=home)
    assert answer.returncode == code
    assert said in answer.stderr.replace("\n", " ")
    assert "Traceback" not in answer.stderr


def test_a_gated_repository_says_how_to_get_access(hub: HubServer, home: Path) -> None:
    hub.faults.answers, hub.faults.for_files_only = [(403, {"X-Error-Code": "GatedRepo"})], True
    answer = run("pull", f"hf:{REPO}", home=home)
    assert answer.returncode == 1
    said = answer.stderr.replace("\n", " ")
    assert "repository_gated" in said
    assert "hf auth login" in said
    assert f"{hub.address}/{REPO}" in said


def test_an_http_client_can_make_the_gateway_download_nothing(hub: HubServer, tmp_path: Path) -> None:
    """Whatever model a request for an answer names, the hub gets no request."""
    with serving(tmp_path / "home", "--port", "0") as served:
        absent = [name for name in Catalog().names() if name != "glimpse"]
        for name in (f"hf:{REPO}", REPO, f"hf:{REPO}@main", f"{hub.address}/{REPO}", "./hf", *absent):
            body = {"model": name, "messages": [{"role": "user", "content": "Hello!"}]}
            request = urllib.request.Request(  # noqa: S310
                f"{served.url}/v1/chat/completions",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=PATIENCE_S)  # noqa: S310
            error = json.load(refused.value)["error"]
            refused.value.close()
            if name not in absent:
                assert (refused.value.code, error["code"]) == (404, "model_not_found")
    assert hub.requests == []
    assert not (tmp_path / "hf").exists()


def test_a_model_of_the_command_line_is_served_by_its_name_alone(
    hub: HubServer, tmp_path: Path, picture: Path
) -> None:
    home = tmp_path / "home"
    with serving(home, "--port", "0", "--yes", f"hf:{REPO}") as served:
        hub.requests.clear()
        listed = json.load(urllib.request.urlopen(f"{served.url}/v1/models"))["data"]  # noqa: S310
        assert "glimpse-GGUF" in [model["id"] for model in listed]
        answer = run("ask", f"hf:{REPO}", picture, QUESTION, home=home)
        assert (answer.returncode, answer.stdout) == (0, "1.\n")
    assert hub.requests == []


def test_rm_frees_the_disk_once_nothing_uses_the_model(hub: HubServer, home: Path) -> None:
    def typed(*words: str) -> Result:
        return CliRunner().invoke(app, ["rm", f"hf:{REPO}", *words])

    viewfinder.pull(f"hf:{REPO}")
    with serving(home, "--port", "0", f"hf:{REPO}"):
        assert "viewfinder stop glimpse-GGUF" in str(typed("--yes").exception)
    assert "Add --yes" in str(typed().exception)
    code, screen = at_a_terminal(home, "n", "rm", f"hf:{REPO}")
    assert (code, "2 files, " in screen) == (1, True)
    assert typed("--yes").stdout == "Removed: 6.2 MB are free again.\n"
    assert "Nothing to remove" in typed().stderr
