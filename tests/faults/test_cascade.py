"""`cascade:` while one of its models is faulty or killed: every request is answered, or a proper error."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import until
from tests.faults.gateway import FaultyCatalog, Gateway, error_code, gateway, picture
from tests.faults.table import RED
from viewfinder.core.config import Settings
from viewfinder.fleet.record.calibrations import calibration_path
from viewfinder.fleet.view import ServerView

EASY, HARD = "Is it easy?", "Is it hard?"
SETTINGS = Settings.model_validate({"port": 0, "fleet": {"deaths": 2, "canary_requests": 3}})
Cascade = Callable[..., AbstractAsyncContextManager[Gateway]]


@pytest.fixture
def cascade(plugin: None, quick: None, home: Path, tmp_path: Path) -> Cascade:
    """A gateway over two calibrated models, `small` and `better`, each with its fault. What is easy, both are
    0.9 sure of, and of all else 0.6."""
    for name in ("small", "better"):
        file = home / calibration_path(name, "faulty")
        file.parent.mkdir(parents=True)
        known = {"model": name, "variant": "faulty", "engine": "faulty", "engine_version": "1.0"}
        curves = {"predicate": [[0.0, 1.0], [0.0, 1.0]]}
        file.write_text(
            json.dumps({**known, "measured_at": "now", "curves": curves, "right": {"predicate": 0.8}})
        )

    @asynccontextmanager
    async def serving(settings: Settings = SETTINGS, **faults: str) -> AsyncIterator[Gateway]:
        both = {"small": "none/always", "better": "none/always"} | faults
        async with gateway(FaultyCatalog(both, tmp_path), settings) as running:
            yield running

    return serving


async def decide(running: Gateway, *questions: str) -> tuple[int, Any]:
    """The status, and the models that answered or the error's code."""
    body = {
        "model": "cascade:small,better",
        "input": "Look.",
        "questions": [{"type": "predicate", "instructions": one} for one in questions],
    }
    async with running.session.post("/v1/decisions", json=body) as reply:
        said = await reply.json()
    if reply.status != 200:
        return reply.status, error_code(said)
    return 200, [one["viewfinder"]["model"] for one in said["answers"]]


async def test_a_small_model_that_dies_leaves_its_questions_to_the_better(cascade: Cascade) -> None:
    async with cascade(small="dies/always") as running:
        assert await decide(running, EASY, HARD) == (200, ["better", "better"])


async def test_a_better_model_that_dies_is_an_error_only_where_it_is_needed(cascade: Cascade) -> None:
    async with cascade(better="dies/always") as running:
        assert await decide(running, EASY, HARD) in [(502, "engine_died"), (503, "model_failed")]
        assert await decide(running, EASY) == (200, ["small"])


async def test_a_small_model_in_quarantine_is_passed_over(cascade: Cascade, tmp_path: Path) -> None:
    async with cascade(small="previous-image/armed") as running:
        assert await running.ask("small", "What color is it?", picture("red")) == RED
        await until(lambda: running.fleet.view().servers[0].verified is True)
        (tmp_path / "small" / "armed").touch()
        for _ in range(8):
            await running.ask("small", "What color is it?", picture("green"))
        await until(lambda: any(one.kind == "quarantine" for one in running.fleet.events.recent))
        status, models = await decide(running, EASY, HARD)
        assert (status, models[1]) == (200, "better")


async def test_killed_in_the_middle_it_is_answered_or_a_proper_error(cascade: Cascade) -> None:
    async with cascade(Settings.model_validate({"port": 0, "fleet": {"deaths": 100}})) as running:
        assert await decide(running, EASY, HARD) == (200, ["small", "better"])

        def view_of(model: str) -> ServerView:
            return next(one for one in running.fleet.view().servers if one.model == model)

        for killed in ("small", "better"):
            asking = asyncio.create_task(decide(running, *[HARD] * 60))
            await until(lambda name=killed: view_of(name).leases > 0)
            before = view_of(killed).deaths
            os.kill(view_of(killed).pid, signal.SIGKILL)
            status, said = await asking
            assert (status == 200 and said == ["better"] * 60) or said == "engine_died"
            await until(lambda name=killed, deaths=before: view_of(name).deaths > deaths)
