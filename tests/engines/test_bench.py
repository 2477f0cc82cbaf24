"""The benchmark's instrument on transformers: every figure is there (`test_published` measures MLX)."""

from pathlib import Path

import pytest

from tests.measure.suites import small
from viewfinder.core.config import Settings
from viewfinder.core.paths import folders
from viewfinder.measure.figures import Figure, Gate
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.store import Store

from .conftest import OneEngine

SUITE = small("tiny", processes=6, vision=6, text=3, follow_up=2, budget_s=300.0)


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
    vision, load = result.facts.gates["vision"], result.found["load"]
    assert isinstance(vision, Gate)
    assert vision.right > 0
    assert isinstance(load, LoadTimes)
    assert isinstance(load.ready, Figure)
    assert isinstance(load.first_token, Figure)
    assert load.first_token.value >= load.ready.value
    memory = result.figures["memory difference"]
    assert isinstance(memory, Figure)
    assert memory.low > 0.012, "GB: at least the size of the weights in single precision"
    assert isinstance(result.figures["average inference"], Figure)
    assert isinstance(result.figures["decode speed"], Figure)
