"""`viewfinder models` as a user sees it."""

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from viewfinder.cli.main import app


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No files of the hub, and the output goes to the runner."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("viewfinder.cli.models.output", Console(soft_wrap=True, width=80))


def printed(*words: str) -> list[str]:
    result = CliRunner().invoke(app, ["models", *words])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_every_model_has_a_row_and_its_reason_below() -> None:
    lines = printed()
    assert lines[0].split() == ["model", "variant", "engine", "size", "fits", "here"]
    row = next(number for number, line in enumerate(lines) if line.startswith("glimpse "))
    assert lines[row].split() == ["glimpse", "llama.cpp-f16", "llama.cpp", "6.2", "MB", "yes", "yes"]
    assert lines[row + 1].startswith("    ")
    smolvlm = next(line for line in lines if line.startswith("smolvlm-500m "))
    assert smolvlm.split()[-2:] == ["yes", "no"]
    assert any("viewfinder pull MODEL" in line for line in lines[-4:])
    assert any(
        line.startswith("glimpse knows drawn shapes, not photographs; for photographs: viewfinder pull ")
        for line in lines
    )
    assert lines[row + 1].strip().startswith("2026: ")
    old = next(number for number, line in enumerate(lines) if line.startswith("moondream2 "))
    assert lines[old + 1].strip().startswith("2024, replaced by qwen3.5-2b")
    assert old > next(number for number, line in enumerate(lines) if line.startswith("qwen3.5-2b "))


def test_a_row_is_not_cut_where_the_screen_is_narrow() -> None:
    lines = printed("moondream2")
    chosen = next(number for number, line in enumerate(lines) if line.startswith("*"))
    assert "llama.cpp-f16 " in lines[chosen]
    assert lines[chosen + 1].strip().startswith("vikhyatk/moondream2: ")
    assert any("not served" in line for line in lines)
    assert not any("drawn shapes" in line for line in lines)
    assert lines[-1] == "moondream2: 2024, replaced by qwen3.5-2b or lfm2.5-vl-1.6b."


def test_aliases_are_named_and_lead_to_their_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_ALIASES", '{"gpt-4o": "glimpse", "tiny": "gpt-4o"}')
    assert "Aliases: gpt-4o (glimpse), tiny (glimpse)." in printed()
    assert printed("tiny") == printed("glimpse")
