"""`auto:best` while the chosen model's engine is faulty, over real processes: the next model answers."""

from pathlib import Path

import pytest

from tests.faults.conftest import until
from tests.faults.gateway import FaultyCatalog, gateway, picture
from tests.faults.table import RED
from viewfinder.core.config import Settings
from viewfinder.fleet.routing import MeasuredOrder, MeasuredPlace
from viewfinder.gateway.auto import AutoModels


async def best_first():
    """The model `bad` is better than `good`."""
    groups = tuple((MeasuredPlace(name, "faulty", f"{name} was measured"),) for name in ("bad", "good"))
    return {"best": MeasuredOrder(groups)}


def on_disk(catalog: FaultyCatalog) -> FaultyCatalog:
    """The same models, with files that are here: others are never chosen."""
    for name in ("bad", "good"):
        card = catalog.get(name)
        files = {"source": "disk", "model": catalog.file_of(name)}
        variants = tuple(variant.model_copy(update=files) for variant in card.variants)
        catalog._cards[name] = card.model_copy(update={"variants": variants})
    catalog._narrowed.clear()
    return catalog


@pytest.mark.parametrize("fault", ["dies/always", "empty/always", "previous-image/armed"])
async def test_the_next_model_answers_when_the_best_is_faulty(
    plugin: None, quick: None, tmp_path: Path, fault: str
) -> None:
    settings = Settings.model_validate({"port": 0, "fleet": {"deaths": 2, "canary_requests": 3}})
    catalog = on_disk(FaultyCatalog({"bad": fault, "good": "none/always"}, tmp_path))
    async with gateway(catalog, settings, AutoModels(best_first)) as running:

        async def asked(color: str = "red"):
            return await running.ask("auto:best", "What color is it?", picture(color))

        def loaded() -> dict[str, str]:
            return {one.model: one.state for one in running.fleet.view().servers}

        if fault.endswith("armed"):  # it is good, until its canary finds that it mixes images up
            assert await asked() == RED
            await until(lambda: running.fleet.view().servers[0].verified is True)
            (catalog.memory_of("bad") / "armed").touch()
            for _ in range(8):
                await asked("green")
            await until(lambda: any(one.kind == "quarantine" for one in running.fleet.events.recent))
        assert await asked() == RED
        if not fault.endswith("armed"):
            assert loaded()["good"] == "ready"
        answers = [await asked() for _ in range(5)]
        assert answers == [RED] * 5
