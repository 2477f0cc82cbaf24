"""Statements of cards that were wrong or missing, each as public material has it."""

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import CARDS, Catalog


def card(name: str) -> ModelCard:
    return Catalog().get(name)


def says(name: str) -> str:
    return " ".join(card(name).quirks)


def test_the_version_that_moondream2_needs_on_mlx() -> None:
    assert "mlx-vlm 0.7.2 or later" in says("moondream2")
    assert "0.6.4 or later" not in (CARDS / "moondream2.toml").read_text(encoding="utf-8")


def test_moondream2s_copy_of_2025_is_not_called_newer() -> None:
    """Its projector is the file of 2024, byte for byte."""
    assert "llama.cpp-f16-2025-04 is not shown to have newer weights" in says("moondream2")
    assert "# Newer weights" not in (CARDS / "moondream2.toml").read_text(encoding="utf-8")


def test_moondream2_is_its_publishers_previous_generation() -> None:
    assert "previous generation" in says("moondream2")


def test_the_size_of_minicpm_on_mlx() -> None:
    assert card("minicpm-v-4.6").variant("mlx-4bit").download_bytes == 2_200_000_000


def test_two_images_are_a_limit_of_mlx_and_not_of_transformers() -> None:
    llava = card("llava-1.6-mistral-7b")
    assert llava.variant("mlx-4bit").images == 1
    assert llava.variant("transformers-f16").images is None
    assert "mlx-vlm's limit" in says(llava.name)


def test_llavas_gguf_is_known_to_be_prompted_in_another_way() -> None:
    llava = card("llava-1.6-mistral-7b")
    assert "USER: " in (llava.variant("llama.cpp-q4_k_m").chat_template or "")
    assert "the checkpoint wants [INST] ... [/INST]" in says(llava.name)
    assert "Q3_K_M" in (CARDS / "llava-1.6-mistral-7b.toml").read_text(encoding="utf-8")


def test_the_file_that_llama_cpp_no_longer_tests() -> None:
    assert "always give the wrong answer" in says("smolvlm-256m")


def test_gguf_files_of_phi_with_a_projector_are_warned_of() -> None:
    assert "abetlen/Phi-3.5-vision-instruct-gguf" in says("phi-3.5-vision")
    assert "do not work" in says("phi-3.5-vision")
