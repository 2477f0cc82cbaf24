"""A mistake reads the same whether `viewfinder serve` runs or not: code, sentence, way out, exit code."""

import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.cli.main import main

from .conftest import Served, serving

GLIMPSE = WEIGHTS / "glimpse" / "glimpse-f16.gguf"
MISTAKES: list[tuple[str, int, str, str]] = [
    # What is typed, the exit code, the code, and a part of the way out.
    ("nope Hi", 2, "model_not_found", "`viewfinder models`"),
    ("moondream2 Hi", 1, "model_missing", "Run: viewfinder pull moondream2 --variant llama.cpp-f16"),
    ("ggml-org/SmolVLM-500M-Instruct-GGUF Hi", 1, "model_missing", "Run: viewfinder pull smolvlm-500m"),
    ("cut Hi", 1, "model_truncated", "Get the file again"),
    ("gone Hi", 1, "engine_died", "Start that server, or fix the address."),
    ("eyes Hi", 2, "image_required", "Send an image with the question."),
    ("words picture.png Hi", 2, "vision_not_supported", "Models that can: "),
    ("words ./missing.png Hi", 2, "file_unreadable", "are files of at most"),
    ("eyes large.png Hi", 2, "image_too_large", "Send a smaller one"),
    ("eyes broken.png Hi", 2, "invalid_image", "Send a PNG"),
    ("glimpse Hi --variant nope", 2, "invalid_request", "Its variants: llama.cpp-f16"),
]


@pytest.fixture
def folder(tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder with files, and settings with models that are wrong in different ways."""
    words = tmp_path / "words" / "words.gguf"
    words.parent.mkdir()
    words.symlink_to(GLIMPSE)
    (tmp_path / "cut.gguf").write_bytes(GLIMPSE.read_bytes()[:1_000_000])
    Image.new("1", (64, 64)).save(tmp_path / "picture.png")
    Image.new("1", (8000, 7000)).save(tmp_path / "large.png")
    (tmp_path / "broken.png").write_bytes(b"hello")
    (tmp_path / "settings.toml").write_text(
        f'[models]\nwords = {{ model = "{words}" }}\ncut = {{ model = "{tmp_path / "cut.gguf"}" }}\n'
        '[endpoints]\ngone = { base_url = "http://127.0.0.1:9/v1", model = "m" }\n'
        f'eyes = {{ base_url = "{served.url}/v1", model = "glimpse", text = false }}\n'
    )
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    interrupt, handlers = signal.getsignal(signal.SIGINT), [*logging.root.handlers]
    yield tmp_path
    signal.signal(signal.SIGINT, interrupt)
    logging.root.handlers[:] = handlers


def test_with_a_running_serve_mistakes_read_as_they_do_alone(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All began with "error (engine_refused) The server refused:", with the way out in the same line."""

    def said(words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["viewfinder", "ask", *words.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    alone = {words: said(words) for words, *_ in MISTAKES}
    with serving(folder / "state", "--port", "0") as running:
        monkeypatch.setenv("VIEWFINDER_HOME", str(running.home))
        served = {words: said(words) for words, *_ in MISTAKES}
    assert served == alone
    for words, exit_code, code, way_out in MISTAKES:
        assert alone[words][0] == exit_code, words
        assert f"error ({code}) " in alone[words][1], alone[words]
        assert way_out in alone[words][1], alone[words]
        assert len(alone[words][1].splitlines()) <= 3
