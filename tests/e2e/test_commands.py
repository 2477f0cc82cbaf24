"""Commands as a user types them, and their errors."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

import viewfinder
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.cli.main import app
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.questions import all_questions
from viewfinder.scenes.scene import COLORS, make_scene

from .conftest import PATIENCE_S, Served, at_a_terminal, run, serving


def test_ask_uses_a_running_serve(served: Served, picture: Path) -> None:
    answer = run("ask", "glimpse", picture, "How many shapes are there?", home=served.home)
    assert (answer.returncode, answer.stdout) == (0, "1.\n")
    assert not (served.home / "run").exists() or len(list((served.home / "run").iterdir())) == 1


def test_decide_uses_a_running_serve(served: Served, picture: Path) -> None:
    (thing,) = make_scene("command", things=1).things
    colors = (
        "decide",
        "glimpse",
        picture,
        f"What color is the {thing.shape}?",
        "--choices",
        ",".join(COLORS),
    )
    chosen = run(*colors, "--json", home=served.home)
    told = json.loads(chosen.stdout)
    assert (told["answer"], told["is_sure"]) == (thing.color, True)
    assert sum(told["probabilities"].values()) == pytest.approx(1)
    asked = (f"Is there a {thing.color} {thing.shape}?", "--threshold", "1")
    unsure = run("decide", "glimpse", picture, *asked, home=served.home)
    assert (unsure.returncode, unsure.stdout[:16]) == (0, "not sure: yes 1.")
    assert "A model's own probability: " in unsure.stderr


def test_decide_about_each_image_of_a_folder(served: Served, picture: Path) -> None:
    (picture.parent / "a.png").write_bytes(b"no picture")
    asked = run("decide", "glimpse", picture.parent, "How many? One.", "--json", home=served.home)
    assert asked.returncode == 1
    assert json.loads(asked.stdout)["images"] == [str(picture)]
    assert "a.png: The file is not an image" in asked.stderr


LIMITS = "glimpse knows drawn shapes, not photographs; for photographs: viewfinder pull "


def test_ask_says_what_glimpse_does_not_know(served: Served, picture: Path) -> None:
    words = ("glimpse", picture, "How many shapes are there?")
    asked = run("ask", *words, home=served.home)
    assert (asked.stdout, asked.stderr.count(LIMITS)) == ("1.\n", 1)
    as_json = run("ask", *words, "--json", home=served.home)
    assert LIMITS not in as_json.stdout + as_json.stderr


def test_serve_says_what_glimpse_does_not_know(home: Path) -> None:
    with at_a_terminal(home, "serve", "--port", "0", "glimpse") as (process, screen):
        said = b""
        while LIMITS.encode() not in said:
            part = screen.read(4096)
            assert part, said
            said += part
        process.terminate()
        process.wait(timeout=60)


def test_ask_without_a_server_starts_its_own_fleet(picture: Path, home: Path) -> None:
    answer = run("ask", "glimpse", picture, "How many shapes are there?", "--json", home=home)
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["answer"] == "1."
    assert [file for file in home.rglob("*") if file.is_socket()] == []


def test_load_and_ask_give_the_same_answers_on_20_scenes(served: Served, tmp_path: Path, home: Path) -> None:
    """One uses its own fleet, the other the running gateway."""
    with viewfinder.load("glimpse") as model:
        for number in range(20):
            scene = make_scene(f"same/{number}")
            question = next(all_questions(scene)).text
            file = tmp_path / f"{number}.{scene.codec}"
            file.write_bytes(encode(scene))
            typed = CliRunner(env={"VIEWFINDER_HOME": str(served.home)}).invoke(
                app, ["ask", "glimpse", str(file), question]
            )
            assert typed.stdout.strip() == model.ask(file, question)


def test_ask_takes_a_model_id_and_a_variant(picture: Path, home: Path) -> None:
    words = (picture, "How many shapes are there?")
    asked = run("ask", "viewfinder/glimpse", *words, "--variant", "llama.cpp-f16", home=home)
    assert (asked.returncode, asked.stdout) == (0, "1.\n")


def test_a_running_serve_takes_a_model_id_too(served: Served, picture: Path) -> None:
    answer = run("ask", "viewfinder/glimpse", picture, "How many shapes are there?", home=served.home)
    assert (answer.returncode, answer.stdout) == (0, "1.\n")
    assert len(list((served.home / "run").iterdir())) == 1  # no other fleet was started


def test_serve_takes_files_from_disk(tmp_path: Path, picture: Path) -> None:
    files = Catalog().resolve(Catalog().get("glimpse").variants[0])
    assert files.mmproj is not None
    home = tmp_path / "home"
    with serving(home, "--port", "0", files.model, "--mmproj", files.mmproj, "--name", "mine"):
        answer = run("ask", "mine", picture, "How many shapes are there?", home=home)
    assert answer.returncode == 2
    assert "mine" in answer.stderr


def test_ask_and_serve_take_the_path_of_a_folder(tmp_path: Path, picture: Path, home: Path) -> None:
    answer = run("ask", WEIGHTS / "glimpse", picture, "How many shapes are there?", home=home)
    assert (answer.returncode, answer.stdout) == (0, "1.\n")
    question = {"model": "mine", "messages": [{"role": "user", "content": "Hello!"}]}
    with serving(tmp_path / "home", "--port", "0", WEIGHTS / "glimpse", "--name", "mine") as served:
        request = urllib.request.Request(  # noqa: S310
            f"{served.url}/v1/chat/completions",
            json.dumps(question).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
            assert json.load(reply)["choices"][0]["message"]["content"]


def test_ask_takes_a_folder_without_a_slash_and_a_projector_from_elsewhere(
    tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    shutil.copy(WEIGHTS / "glimpse" / "glimpse-f16.gguf", tmp_path / "mine" / "model.gguf")
    monkeypatch.chdir(tmp_path)
    words = ["ask", "mine", str(picture), "How many shapes are there?"]
    assert "name it with --mmproj" in str(CliRunner().invoke(app, words).exception)
    seeing = CliRunner().invoke(
        app, [*words, "--mmproj", str(WEIGHTS / "glimpse" / "mmproj-glimpse-f16.gguf")]
    )
    assert (seeing.exit_code, seeing.stdout) == (0, "1.\n")


def test_load_says_how_a_running_serve_gets_to_know_a_folder(served: Served) -> None:
    refused = run("load", WEIGHTS / "glimpse", home=served.home)
    assert refused.returncode == 2
    assert f"viewfinder serve {WEIGHTS / 'glimpse'}" in refused.stderr.replace("\n", " ")


def test_models_lists_what_is_here(home: Path) -> None:
    listed = run("models", "--json", home=home)
    assert listed.returncode == 0
    (glimpse,) = [line for line in json.loads(listed.stdout)["models"] if line["name"] == "glimpse"]
    assert (glimpse["ready"], glimpse["vision"], glimpse["text"]) == (True, True, True)


def test_models_shows_the_variants_of_one(home: Path) -> None:
    shown = run("models", "moondream2", home=home)
    assert shown.returncode == 0
    assert "llama.cpp-f16" in shown.stdout
    listed = run("models", "vikhyatk/moondream2", "--json", home=home)
    lines = json.loads(listed.stdout)
    assert [line["model_id"] for line in lines if line["chosen"]] == ["vikhyatk/moondream2"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ask", "glimpse", "Hello!", "--variant", "nonesuch"), 2, "has no variant 'nonesuch'"),
        (("ask", "microsoft/Phi-3.5-vision-instruct", "Hello!"), 1, "not served"),
        (("serve", "--variant", "llama.cpp-f16"), 2, "Which model is the variant"),
        (("bench", "glimpse", "--variant", "nonesuch"), 2, "has no variant 'nonesuch'"),
        (("models", "nonesuch"), 2, "no model named 'nonesuch'"),
        (("ask", "nonesuch", "Hello!"), 2, "no model named 'nonesuch'"),
        (("ask", "glimpse", "/no/such/file.png", "What?"), 2, "/no/such/file.png cannot be read"),
        (("bench", "nonesuch"), 2, "no model named 'nonesuch'"),
        (("bench", "glimpse", "--suite", "nonesuch"), 2, "no suite named 'nonesuch'"),
        (("guide",), 1, "Nothing was measured here yet"),
        (("serve", "--host", "0.0.0.0"), 2, "no API key is set"),
        (("serve", "nonesuch"), 2, "no model named 'nonesuch'"),
        (("serve", "--mmproj", "x.gguf"), 2, "--mmproj needs one .gguf file"),
        (("serve", "a.gguf", "b.gguf", "--name", "c"), 2, "--name one file or folder"),
        (("serve", "/no/such/model.gguf"), 1, "missing"),
        (("serve", "--port", "70000"), 2, "port"),
    ],
)
def test_invalid_usage_has_one_clear_sentence(
    words: tuple[str, ...], code: int, said: str, home: Path
) -> None:
    answer = run(*words, home=home)
    assert answer.returncode == code
    assert said in answer.stderr.replace("\n", " ")
    assert "Traceback" not in answer.stderr


def test_a_text_file_sent_as_an_image(tmp_path: Path, home: Path) -> None:
    note = tmp_path / "note.png"
    note.write_text("I am not a picture.")
    answer = run("ask", "glimpse", note, "What is it?", home=home)
    assert answer.returncode == 2
    assert "PNG, JPEG, WebP or GIF" in answer.stderr.replace("\n", " ")


def test_a_truncated_model(tmp_path: Path, home: Path) -> None:
    whole = Catalog().resolve(Catalog().get("glimpse").variants[0]).model.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: len(whole) // 2])
    settings = home / "viewfinder.toml"
    settings.write_text(f'[models.cut]\nmodel = "{cut}"\n')
    answer = run("ask", "cut", "Hello!", home=home, VIEWFINDER_CONFIG=str(settings))
    assert answer.returncode == 1
    assert "truncated" in answer.stderr


def test_a_port_that_a_foreign_program_holds(tmp_path: Path) -> None:
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        port = foreign.getsockname()[1]
        refused = run("serve", "--port", str(port), "--strict-port", home=tmp_path)
        assert refused.returncode == 1
        assert f"Port {port} is used by" in refused.stderr
        with serving(tmp_path, "--port", str(port)) as served:
            assert served.url != f"http://127.0.0.1:{port}"


def test_a_settings_file_with_a_mistake(tmp_path: Path, home: Path) -> None:
    settings = tmp_path / "viewfinder.toml"
    settings.write_text("[engine]\nslots = 0\n")
    answer = run("models", home=home, VIEWFINDER_CONFIG=str(settings))
    assert answer.returncode == 2
    assert "engine.slots" in answer.stderr


def test_help_names_every_command(home: Path) -> None:
    answer = run("--help", home=home)
    commands = ("demo", "ask", "serve", "models", "pull", "bench", "guide", "doctor")
    commands += ("ps", "load", "stop", "pin", "unpin", "logs", "events", "suspects")
    assert all(name in answer.stdout for name in commands)


FULL_DISK = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); "
"""A limit on the size of files causes the same errors as a full disk."""


@pytest.mark.parametrize(
    ("room_bytes", "words", "code"),
    [(0, ["serve", "--port", "0"], "system"), (200_000, ["bench", "glimpse"], "results_file")],
)
def test_a_full_disk_is_reported_in_one_sentence(
    home: Path, room_bytes: int, words: list[str], code: str
) -> None:
    script = FULL_DISK.format(room_bytes) + "runpy.run_module('viewfinder', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env={**os.environ, "VIEWFINDER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1
    assert f"error ({code})" in done.stderr
    assert "Traceback" not in done.stderr
    assert [file for file in home.rglob("*") if file.is_socket()] == []


def test_a_disk_without_room_for_the_log_still_gives_an_answer(home: Path) -> None:
    (home / "logs").mkdir()
    (home / "logs" / "glimpse.log").symlink_to("/dev/full")
    answer = run("ask", "glimpse", "What is 3 plus 4?", home=home)
    assert (answer.returncode, answer.stdout) == (0, "7.\n")


def test_a_repositorys_id_limits_the_choice_to_its_own_variants(home: Path) -> None:
    """It once used the best variant of the card, and so the files of another repository."""
    answer = run("ask", "mlx-community/llava-v1.6-mistral-7b-4bit", "Hello!", home=home)
    assert answer.returncode == 1
    assert "mlx" in answer.stderr
    assert "gguf" not in answer.stderr
