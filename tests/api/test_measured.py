"""What was measured here, as far as the choice of a variant goes."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import viewfinder
from viewfinder.api.measured import measured_here
from viewfinder.core import paths
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.choice import MeasuredVariant
from viewfinder.host.hardware import this_machine
from viewfinder.measure import results
from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.rows import Run
from viewfinder.measure.store.store import Store

NONE = Missing(missing="not tried")
PASSED = Gate(passed=True, right=9, asked=9, rule="all")
MISSED = Gate(passed=False, right=1, asked=9, rule="all")

Keep = Callable[..., None]


@pytest.fixture
def keep() -> Keep:
    """Stores a result of glimpse on llama.cpp; the later one is the newer."""
    fields: dict[str, Any] = dict.fromkeys(("title", "model_id", "engine", "quantization", "endpoint"), "x")
    fields |= {"model": "glimpse", "variant": "llama.cpp-f16", "suite": "quick", "run": "run"}
    fields |= {"engine_version": "1", "measured_at": "2026-01-01", "status": "verified"}
    fields["machine"] = this_machine()

    def store(vision: Gate | Missing = PASSED, text: Gate | Missing = PASSED, **changed: Any) -> None:
        found = {"gates": Gates(vision=vision, text=text, follow_up=NONE)}
        with Store(paths.results_file()) as store:
            if not store.runs():
                store.begin(Run("run", "quick", "2026-01-01", "", this_machine()))
            results.add(store, ModelResult(**(fields | {"found": found} | changed)))

    return store


def test_nothing_measured_is_nothing_known() -> None:
    assert measured_here() == {}
    assert not paths.results_file().exists()


def test_of_each_variant_the_newest_finding_counts(keep: Keep) -> None:
    keep(vision=MISSED)
    keep()
    keep(variant="mlx-f16", status="failed", vision=NONE, text=NONE)
    assert measured_here() == {
        ("glimpse", "llama.cpp-f16"): MeasuredVariant("1", vision=True, text=True),
        ("glimpse", "mlx-f16"): MeasuredVariant("1", failed=True),
    }


def test_what_was_measured_on_another_machine_does_not_count(keep: Keep) -> None:
    keep(machine=this_machine().model_copy(update={"cpu": "Another CPU"}))
    assert measured_here() == {}


def test_results_that_cannot_be_read_stop_nothing() -> None:
    paths.results_file().write_bytes(b"this is no database" * 100)
    assert measured_here() == {}


def test_the_model_list_says_what_fell_short(keep: Keep) -> None:
    found = engine_named("llama.cpp").find()
    assert found is not None
    keep(vision=MISSED, engine_version=found.version)
    (line,) = (line for line in viewfinder.models() if line.name == "glimpse")
    assert line.why.endswith("; it did not pass the image questions here")


def test_own_questions_alone_find_nothing_out_about_a_variant(keep: Keep) -> None:
    keep()
    keep(status="not judged", found={})
    keep(status="failed", found={})
    assert measured_here() == {("glimpse", "llama.cpp-f16"): MeasuredVariant("1", vision=True, text=True)}


def test_a_gateway_does_not_load_the_statistics() -> None:
    """They take 80 MB and half a second."""
    loads = "import sys, viewfinder.cli.serve, viewfinder.api.serving; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
