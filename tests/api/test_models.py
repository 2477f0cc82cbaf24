"""The model list: which variant would run here and why, and all variants of one model."""

from pathlib import Path

import pytest

import viewfinder
from viewfinder.api.models import limits_note
from viewfinder.core.errors import BadRequest, UnknownModel


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No files of the hub, whatever this computer has."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))


def test_every_model_is_listed_with_what_would_run_here() -> None:
    lines = {line.name: line for line in viewfinder.models()}
    assert {"glimpse", "smolvlm-500m", "moondream2", "phi-3.5-vision"} <= lines.keys()
    glimpse = lines["glimpse"]
    assert (glimpse.ready, glimpse.here, glimpse.fits, glimpse.note) == (True, True, True, "")
    smolvlm = lines["smolvlm-500m"]
    assert (smolvlm.variant, smolvlm.engine, smolvlm.here) == ("llama.cpp-q8_0", "llama.cpp", False)
    assert smolvlm.size_bytes == 545_590_272
    assert not smolvlm.ready
    assert "viewfinder pull smolvlm-500m" in smolvlm.note


def test_the_variants_of_one_are_listed_best_first_with_reasons() -> None:
    lines = viewfinder.variants("moondream2")
    assert [line.variant for line in lines if line.chosen] == ["llama.cpp-f16"]
    assert lines[0].chosen
    assert len(lines) == 4
    assert all(line.why for line in lines)
    why = {line.variant: line.why for line in lines}
    assert why["transformers-bf16"].startswith("not served")
    assert lines[0].needs_bytes
    assert lines[0].version


def test_a_model_id_shows_the_whole_card_and_chooses_within_its_repository() -> None:
    lines = viewfinder.variants("ggml-org/moondream2-20250414-GGUF")
    assert [line.variant for line in lines if line.chosen] == ["llama.cpp-f16-2025-04"]
    why = {line.variant: line.why for line in lines}
    assert why["llama.cpp-f16"] == "another variant was chosen"


def test_a_setting_chooses_the_variant(home: Path) -> None:
    (home / "viewfinder.toml").write_text('[variants]\nmoondream2 = "llama.cpp-f16-2025-04"\n')
    (line,) = (line for line in viewfinder.models() if line.name == "moondream2")
    assert line.variant == "llama.cpp-f16-2025-04"


def test_a_setting_that_names_no_variant_is_refused(home: Path) -> None:
    (home / "viewfinder.toml").write_text('[variants]\nmoondream2 = "f16"\n')
    with pytest.raises(BadRequest, match=r"'moondream2' has no variant 'f16'"):
        viewfinder.models()


def test_a_model_of_drawn_shapes_names_the_smallest_one_that_knows_photographs() -> None:
    others = [line for line in viewfinder.models() if line.vision and line.fits and line.name != "glimpse"]
    current = [line for line in others if not line.replaced_by and line.name != "glm-ocr"]
    smallest = min(current, key=lambda line: line.size_bytes or 0)
    command = f"viewfinder pull {smallest.name}"
    assert (
        limits_note("glimpse") == f"glimpse knows drawn shapes, not photographs; for photographs: {command}"
    )
    assert limits_note(smallest.name) == limits_note("nonesuch") == limits_note("/no/such/folder") == ""


def test_where_none_fits_only_the_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewfinder.api.models.models", lambda **settings: [])
    assert limits_note("glimpse") == "glimpse knows drawn shapes, not photographs."


def test_the_users_own_come_first_then_those_of_today_then_the_replaced(home: Path) -> None:
    (home / "viewfinder.toml").write_text(
        '[endpoints.mine]\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "m"\n'
    )
    lines = viewfinder.models()
    assert (lines[0].name, lines[0].year, lines[0].age) == ("mine", None, "")
    replaced = [bool(line.replaced_by) for line in lines]
    assert replaced == sorted(replaced)
    current = [line.year or 0 for line in lines[1:] if not line.replaced_by]
    assert current == sorted(current, reverse=True)
    (old,) = (line for line in lines if line.name == "moondream2")
    assert old.age == "2024, replaced by qwen3.5-2b or lfm2.5-vl-1.6b"
    assert viewfinder.models()[1].age == "2026"


def test_an_unknown_model_has_no_variants() -> None:
    with pytest.raises(UnknownModel):
        viewfinder.variants("nonesuch")


def test_a_list_leaves_no_folder_of_a_process_behind(home: Path) -> None:
    """Each `viewfinder models` left an empty folder for an engine's sockets."""
    viewfinder.models()
    viewfinder.variants("glimpse")
    assert not (home / "run").exists()
