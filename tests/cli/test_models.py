"""`viewfinder models` as a user sees it."""

import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.cli.main import app


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No files of the hub or of other programs, and the output goes to the runner."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setattr("viewfinder.cli.models.output", Console(soft_wrap=True, width=80))


def printed(*words: str) -> list[str]:
    result = CliRunner().invoke(app, ["models", *words])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_the_first_lines_say_which_to_try_and_why() -> None:
    first, why, glimpse, *_ = printed()
    assert re.fullmatch(r"Try first, for pictures and text: viewfinder pull [\w.-]+", first)
    assert why.startswith("    Not measured here; the newest and largest for this ")
    assert glimpse.startswith("Without a download: glimpse, a toy ")
    assert max(map(len, (first, why, glimpse))) <= 80


def test_a_row_says_what_a_model_needs_and_what_it_is_for() -> None:
    lines = printed()
    header = next(line for line in lines if line.startswith("model "))
    assert header.split() == ["model", "memory", "fits", "to", "pull", "measured", "what", "for", "license"]
    rows = {line.split()[0]: line for line in lines[lines.index(header) + 1 :] if "  " in line}
    assert re.fullmatch(r"glimpse +\S+ MB +yes +here +- +toy: drawn shapes +Apache-2.0", rows["glimpse"])
    assert re.search(r" ~2\.8 GB +(yes|no) +2\.1 GB +- +documents, chat +Apache-2\.0$", rows["qwen3.5-2b"])
    assert rows["lfm2.5-vl-450m"].endswith(" LFM*")
    assert max(map(len, lines)) <= 88
    assert "moondream2" not in rows
    assert lines[-1].endswith("older models have better ones above: viewfinder models --all")
    assert not any("the only one that can run here" in line for line in lines)


def test_all_shows_the_older_ones_too_with_what_replaced_them() -> None:
    (old,) = [line for line in printed("--all") if line.startswith("moondream2 ")]
    assert "older: qwen3.5-2b" in old


def test_a_narrow_terminal_gets_the_last_cells_below_and_a_usual_one_whole_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def on(width: int) -> list[str]:
        screen = Console(soft_wrap=True, width=width, force_terminal=True, color_system=None)
        monkeypatch.setattr("viewfinder.cli.models.output", screen)
        return printed()

    assert any(re.match(r"qwen3\.5-2b .* documents, chat +Apache-2\.0$", line) for line in on(80))
    narrow = on(60)
    row = next(number for number, line in enumerate(narrow) if line.startswith("qwen3.5-2b "))
    assert narrow[row + 1] == "    documents, chat; Apache-2.0"
    assert max(len(line) for line in narrow[row : row + 2]) <= 60


def test_json_has_the_first_choice_and_every_model() -> None:
    known = json.loads("\n".join(printed("--json")))
    (first,) = known["first"]
    models = {line["name"]: line for line in known["models"]}
    assert first["uses"] == ["pictures", "text"]
    assert models[first["model"]]["replaced_by"] == []
    assert first["command"] == f"viewfinder pull {first['model']}"
    assert {"moondream2", "glimpse"} <= models.keys()
    assert models["qwen3.5-2b"]["needs_bytes"] > models["qwen3.5-2b"]["size_bytes"]
    assert models["lfm2.5-vl-450m"]["license"].startswith("LFM Open License v1.0 (")


def test_one_model_is_shown_with_its_card_and_variants() -> None:
    lines = printed("moondream2")
    assert lines[0] == "Moondream2 (2024, replaced by qwen3.5-2b or lfm2.5-vl-1.6b)"
    assert "License: Apache-2.0" in lines
    chosen = next(number for number, line in enumerate(lines) if line.startswith("*  llama.cpp-f16 "))
    assert lines[chosen + 1].strip().startswith("vikhyatk/moondream2: ")
    assert any("not served" in line for line in lines)
    assert lines[-1] == "Get it: viewfinder pull moondream2"
    glimpse = printed("glimpse")
    assert any(line.startswith("Use it: viewfinder ask glimpse PHOTO QUESTION") for line in glimpse)
    assert glimpse[-1].startswith("glimpse knows drawn shapes, not photographs; for photographs: ")


def test_aliases_are_named_and_lead_to_their_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_ALIASES", '{"gpt-4o": "glimpse", "tiny": "gpt-4o"}')
    assert "Aliases: gpt-4o (glimpse), tiny (glimpse)." in printed()
    assert printed("tiny") == printed("glimpse")


def test_models_of_other_programs_are_offered_with_the_command_that_uses_them(tmp_path: Path) -> None:
    folder = tmp_path / ".lmstudio" / "models" / "some one" / "glim"
    folder.mkdir(parents=True)
    for file in ("glimpse-f16.gguf", "mmproj-glimpse-f16.gguf"):
        (folder / file).symlink_to(WEIGHTS / "glimpse" / file)
    lines = printed()
    start = next(number for number, line in enumerate(lines) if line.startswith("Found on this disk"))
    assert lines[start + 1].split() == ["program", "model", "size", "can"]
    assert lines[start + 2].split() == ["LM", "Studio", "some", "one/glim", "6", "MB", "images", "text"]
    command = f"viewfinder ask '{folder / 'glimpse-f16.gguf'}' PHOTO QUESTION"
    assert lines[start + 3] == f"    {command}"
    (offered,) = json.loads("\n".join(printed("--json")))["on_this_disk"]
    assert (offered["vision"], offered["command"], offered["trouble"]) == (True, command, "")


def test_a_model_whose_engine_is_not_installed_is_offered_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".lmstudio" / "models" / "me" / "vlm"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "smolvlm", "vision_config": {"a": 1}}')
    (folder / "model.safetensors").write_bytes(bytes(8))
    monkeypatch.setattr("viewfinder.engines.transformers.Transformers.find", lambda self: None)
    (offered,) = json.loads("\n".join(printed("--json")))["on_this_disk"]
    assert offered["command"] == ""
    assert offered["trouble"].startswith("transformers is not installed: pip install ")


def test_of_very_many_only_a_few_are_shown(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / ".lmstudio" / "models" / "me" / f"glim-{number:02}"
        folder.mkdir(parents=True)
        (folder / "m.gguf").symlink_to(WEIGHTS / "glimpse" / "glimpse-f16.gguf")
    lines = printed()
    assert lines[-1] == "4 more: viewfinder models --all"
    assert sum(line.startswith("LM Studio") for line in lines) == 8
    assert sum(line.startswith("LM Studio") for line in printed("--all")) == 12
