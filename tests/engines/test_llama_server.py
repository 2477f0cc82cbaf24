"""A native llama-server: a real one where it is installed, and programs that only print a version."""

import shutil
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineError, EngineMissing
from viewfinder.core.paths import log_folder, run_folder
from viewfinder.engines.base import Launch
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.engines.llama_server_args import refusal, unusable
from viewfinder.fleet.process.servers import make_server


def launch(program: Path, **settings: object) -> Launch:
    catalog = Catalog()
    variant = catalog.get("glimpse").variants[0]
    own = EngineSettings.model_validate({"llama_server": program, **settings})
    return LlamaCpp().launch(variant, catalog.resolve(variant), own, Path("a.sock"))


def saying(folder: Path, words: str, status: int = 0) -> Path:
    program = folder / "llama-server"
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit {status}\n")
    program.chmod(0o755)
    return program


def test_the_command_is_the_programs_own(tmp_path: Path) -> None:
    made = launch(saying(tmp_path, "version: 10434 (7e4c0a9)"), context_tokens=1024, slots=2, image_tokens=64)
    words = " ".join(made.argv)
    assert made.version == "native 10434 (7e4c0a9)"
    assert made.argv[0] == str(tmp_path / "llama-server")
    for part in ("--ctx-size 2048", "--parallel 2", "--image-max-tokens 64", "--host a.sock", "--mmproj /"):
        assert part in words


def test_options_become_words_and_the_users_own_come_last(tmp_path: Path) -> None:
    plain = launch(saying(tmp_path, "version: 10434 (7e4c0a9)"))
    made = launch(
        tmp_path / "llama-server",
        gpu_layers="all",
        flash_attention="on",
        cache_type="q8_0",
        batch=64,
        micro_batch=32,
        args=("--no-mmap", "--device", "none"),
    )
    assert made.argv[: len(plain.argv)] == plain.argv
    assert " ".join(made.argv[len(plain.argv) :]) == (
        "--gpu-layers all --flash-attn on --cache-type-k q8_0 --cache-type-v q8_0 --batch-size 64 "
        "--ubatch-size 32 --no-mmap --device none"
    )


@pytest.mark.parametrize(
    "word",
    [
        "--host",
        "--port=1",
        "-m",
        "--mmproj",
        "--api_key",
        "--slots",
        "-ngl",
        "--cache-ram",
        "--log-file",
        "-hf",
    ],
)
def test_a_word_that_would_break_what_viewfinder_controls_is_refused(word: str) -> None:
    name = word.partition("=")[0].replace("_", "-")
    assert refusal(word).startswith(f"{name} is not allowed: ")
    settings = EngineSettings(llama_server=Path("x"), args=("--no-mmap", word))
    assert unusable(settings) == {"args": refusal(word)}


def test_names_for_models_of_the_hub_are_refused_and_other_words_are_not() -> None:
    assert "stands for a model of the hub" in refusal("--gpt-oss-20b-default")
    words = ("--lora", "a.gguf", "--rpc", "-ts", "3,1", "--n-cpu-moe", "--spec-default", "-1", "--no-warmup")
    assert unusable(EngineSettings(llama_server=Path("x"), args=words)) == {}


def test_an_older_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="build 9999; 10434 or later"):
        launch(saying(tmp_path, "version: 9999 (abc)"))


def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="There is no program"):
        launch(tmp_path / "llama-server")


def test_a_program_that_does_not_run_here_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="--version failed"):
        launch(saying(tmp_path, "Illegal instruction", status=132))
    (tmp_path / "llama-server").write_bytes(b"\x7fELF of another kind")
    with pytest.raises(EngineError, match="cannot be run on this computer"):
        launch(tmp_path / "llama-server")


@pytest.mark.skipif(shutil.which("llama-server") is None, reason="there is no llama-server on the PATH")
async def test_a_real_one_answers() -> None:
    program = Path(shutil.which("llama-server") or "")
    server = make_server(
        Catalog().get("glimpse"),
        Catalog().get("glimpse").variants[0],
        LlamaCpp(),
        Catalog(),
        EngineSettings(llama_server=program),
        run_folder=run_folder(),
        log_folder=log_folder(),
    )
    await server.start()
    try:
        question = {"role": "user", "content": "What is 3 plus 4?"}
        reply = await server.client.complete({"messages": [question], "temperature": 0, "max_tokens": 8})
        assert reply["choices"][0]["message"]["content"] == "7."
        assert server.engine_version.startswith("native ")
    finally:
        await server.stop()
