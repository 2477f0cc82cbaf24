"""Which model is proposed first: what was measured here, else the size that suits the computer."""

from dataclasses import replace
from typing import Any

import pytest

import viewfinder
from viewfinder.api.first_choice import Suits, first_choices, suitable_size
from viewfinder.core.config import Settings
from viewfinder.fleet.listing import ModelLine
from viewfinder.host.hardware import this_machine
from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.results import ModelResult

GB = 1_000_000_000
NONE = Missing(missing="not tried")
PASSED = Gate(passed=True, right=9, asked=9, rule="all")
MISSED = Gate(passed=False, right=1, asked=9, rule="all")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[ModelLine]:
    """The models of the package on a computer on which all fit, none is here and none was measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
        found = viewfinder.models()
    return [replace(line, fits=True, runs=line.engine == "llama.cpp", measured="") for line in found]


def chosen(lines: list[ModelLine], gigabytes: float, **results: ModelResult) -> list[tuple[Any, ...]]:
    known = {
        (name, line.variant): one for name, one in results.items() for line in lines if line.name == name
    }
    choices = first_choices(lines, known, Suits(int(gigabytes * GB), "this computer"))
    return [(choice.uses, choice.model, choice.command) for choice in choices]


def result(vision: Gate | Missing = PASSED, text: Gate | Missing = PASSED, **changed: Any) -> ModelResult:
    fields: dict[str, Any] = dict.fromkeys(("title", "model_id", "engine", "quantization", "endpoint"), "x")
    fields |= {"model": "moondream2", "variant": "llama.cpp-f16", "suite": "quick", "run": "run"}
    fields |= {"engine_version": "1", "measured_at": "2026-01-01", "status": "verified"}
    found = {"gates": Gates(vision=vision, text=text, follow_up=NONE)}
    return ModelResult(**(fields | {"machine": this_machine(), "found": found} | changed))


BOTH = ("pictures", "text")


@pytest.mark.parametrize(
    ("gigabytes", "model"),
    [
        (0.1, "lfm2.5-vl-450m"),
        (1.5, "qwen3.5-0.8b"),
        (3, "qwen3.5-2b"),
        (5, "qwen3.5-4b"),
        (12, "gemma-4-e4b"),
    ],
)
def test_the_largest_of_the_newest_that_suits_the_computer(
    lines: list[ModelLine], gigabytes: float, model: str
) -> None:
    assert chosen(lines, gigabytes) == [(BOTH, model, f"viewfinder pull {model}")]


def test_one_that_is_here_comes_before_one_that_must_be_pulled(lines: list[ModelLine]) -> None:
    here = [replace(line, here=line.name == "smolvlm2-2.2b") for line in lines]
    assert chosen(here, 12) == [(BOTH, "smolvlm2-2.2b", "viewfinder bench smolvlm2-2.2b")]
    old = [replace(line, here=line.name == "moondream2") for line in lines]
    assert chosen(old, 3)[0][1] == "qwen3.5-2b"


def test_a_toy_or_one_that_only_reads_text_is_never_proposed(lines: list[ModelLine]) -> None:
    few = [line for line in lines if line.name in ("glimpse", "glm-ocr")]
    assert chosen(few, 12) == []
    assert chosen([*few, *(line for line in lines if line.name == "moondream2")], 12)[0][1] == "moondream2"


def test_what_was_measured_here_comes_first(lines: list[ModelLine]) -> None:
    here = [replace(line, here=True) for line in lines]
    assert chosen(here, 3, moondream2=result()) == [
        (BOTH, "moondream2", "viewfinder ask moondream2 PHOTO QUESTION")
    ]
    assert chosen(lines, 3, moondream2=result())[0][1] == "qwen3.5-2b"  # its files were removed
    (pictures, text) = chosen(here, 3, moondream2=result(text=MISSED))
    assert pictures[:2] == (("pictures",), "moondream2")
    assert text[:2] == (("text",), "qwen3.5-2b")


def test_a_processor_suits_small_models_and_apple_silicon_larger_ones() -> None:
    machine = this_machine().model_copy(update={"gpu": "", "cores_physical": 16, "memory_bytes": 64 * GB})
    assert suitable_size(Settings(), machine).size_bytes == 3 * GB
    few = machine.model_copy(update={"cores_physical": 1})
    assert suitable_size(Settings(), few).size_bytes == 1.5 * GB
    apple = machine.model_copy(update={"gpu": "Apple M3 (Metal)"})
    assert suitable_size(Settings(), apple).size_bytes == 48 * GB


def test_the_measured_figures_are_the_reason(lines: list[ModelLine]) -> None:
    here = [replace(line, here=line.name == "moondream2") for line in lines]
    known = {("moondream2", "llama.cpp-f16"): result()}
    (choice,) = first_choices(here, known, Suits(3 * GB, "this computer"))
    assert (choice.measured, choice.reason.startswith("Measured here")) == (True, True)
