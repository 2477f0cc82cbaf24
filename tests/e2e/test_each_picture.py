"""`ask` about a folder, into a file: killed and interrupted at any moment, nothing is lost or asked twice."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from viewfinder.cli.main import app
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

from .conftest import PATIENCE_S, VIEWFINDER, Served

QUESTION = "How many shapes are there?"


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four pictures, one of which is none."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}.png").write_bytes(encode_png(make_scene(f"each/{number}", things=number)))
    (folder / "none.png").write_text("I am no picture.")
    (folder / "notes.txt").touch()
    return folder


def asked(served: Served, *words: str | Path) -> Result:
    typed = ["ask", "glimpse", *map(str, words)]
    return CliRunner(env={"VIEWFINDER_HOME": str(served.home)}).invoke(app, typed)


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_picture_of_a_folder_is_answered_by_its_name(served: Served, photos: Path) -> None:
    done = asked(served, photos, QUESTION)
    assert done.stdout == "photos/1.png: 1.\nphotos/2.png: 2.\nphotos/3.png: 3.\n"
    assert "photos/none.png: The file is not an image." in done.stderr
    assert (done.exit_code, "3 answered, 1 failed." in done.stderr) == (1, True)
    as_json = asked(served, photos / "1.png", photos, QUESTION, "--json")
    assert [json.loads(line)["file"] for line in as_json.stdout.splitlines()].count("photos/1.png") == 1


def test_the_same_command_asks_only_what_has_no_answer_yet(served: Served, photos: Path) -> None:
    words = (photos, QUESTION, "--out", "answers.jsonl")
    out = Path("answers.jsonl")
    first = asked(served, *words)
    assert (first.exit_code, first.stdout) == (1, "")
    assert {line["file"]: line.get("answer") for line in lines(out)} == {
        "photos/1.png": "1.",
        "photos/2.png": "2.",
        "photos/3.png": "3.",
        "photos/none.png": None,
    }
    line = lines(out)[0]
    assert (line["model"], line["question"], line["finish_reason"]) == ("glimpse", QUESTION, "stop")
    assert isinstance(line["seconds"], float)
    (photos / "none.png").unlink()
    out.write_text(out.read_text() + '{"file": "photos/4.p')
    (photos / "4.png").write_bytes(encode_png(make_scene("each/4", things=2)))
    second = asked(served, *words)
    assert (second.exit_code, "1 answered, 3 skipped (answered before), 0 failed" in second.stderr) == (
        0,
        True,
    )
    assert [line["file"] for line in lines(out) if "answer" in line] == [
        f"photos/{number}.png" for number in (1, 2, 3, 4)
    ]
    assert asked(served, photos, "Where?", "--out", "answers.jsonl").exit_code != 0


def started(served: Served, out: Path) -> "subprocess.Popen[str]":
    """A run that has written at least one new line."""
    before = out.stat().st_size if out.exists() else 0
    process = subprocess.Popen(
        [*VIEWFINDER, "ask", "glimpse", "photos", QUESTION, "--out", str(out)],
        env={**os.environ, "VIEWFINDER_HOME": str(served.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and (not out.exists() or out.stat().st_size <= before):
        time.sleep(0.005)
    return process


def test_a_run_that_was_killed_or_interrupted_is_resumed(served: Served, photos: Path) -> None:
    (photos / "none.png").unlink()
    for number in range(4, 61):
        os.link(photos / "1.png", photos / f"{number}.png")
    out = Path("answers.jsonl")
    killed = started(served, out)
    killed.kill()
    killed.communicate(timeout=PATIENCE_S)
    interrupted = started(served, out)
    interrupted.send_signal(signal.SIGINT)
    said = interrupted.communicate(timeout=PATIENCE_S)[1]
    assert (killed.returncode, interrupted.returncode) == (-signal.SIGKILL, 130)
    kept = len(lines(out))
    assert 2 <= kept < 60
    command = f"viewfinder ask glimpse photos '{QUESTION}' --out answers.jsonl"
    assert (
        said.splitlines()[-1] == f"Interrupted. {kept} answers are kept in answers.jsonl. Resume: {command}"
    )
    assert asked(served, photos, QUESTION, "--out", str(out)).exit_code == 0
    files = [line["file"] for line in lines(out)]
    assert len(files) == len({*files}) == 60
