"""The benchmark's instrument on transformers: every figure is there (`test_published` measures MLX)."""

from pathlib import Path

import pytest

from viewfinder.core.config import Settings
from viewfinder.core.paths import folders
from viewfinder.measure.figures import Figure, Gate
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

from .conftest import OneEngine

SUITE = Suite("tiny", processes=6, images=1, texts=1, vision=6, text=3, follow_up=2, budget_s=300.0)


@pytest.mark.engines
@pytest.mark.timeout(900)
async def test_it_can_be_measured(tmp_path: Path) -> None:
    catalog = OneEngine("transformers")
    with Store(tmp_path / "results.sqlite") as store:
        [result] = await run_suite(
            [catalog.get("glimpse")],
            SUITE,
            catalog=catalog,
            settings=Settings(),
            store=store,
            folders=folders(),
        )
    assert (result.failure, result.engine) == ("", "transformers")
    assert result.engine_version[0].isdigit()
    assert isinstance(result.vision, Gate)
    assert result.vision.right > 0
    load, memory = result.load, result.memory_difference
    assert isinstance(load.ready, Figure)
    assert isinstance(load.first_token, Figure)
    assert load.first_token.value >= load.ready.value
    assert isinstance(memory, Figure)
    assert memory.low > 12_000_000, "at least what the weights weigh in single precision"
    assert isinstance(result.average_inference, Figure)
    assert isinstance(result.decode_rate, Figure)
