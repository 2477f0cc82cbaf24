"""The measured order of this machine: read by a process of its own, and again when the results change."""

import asyncio

import pytest

from tests.report.conftest import gate, result
from viewfinder.api import orders
from viewfinder.api.orders import OrdersHere
from viewfinder.core import paths
from viewfinder.host.hardware import this_machine
from viewfinder.measure import results
from viewfinder.measure.store.rows import Run
from viewfinder.measure.store.store import Store


def keep(name: str, right: int, run: str = "run-2") -> None:
    with Store(paths.results_file()) as store:
        if run not in [one.run for one in store.runs()]:
            store.begin(Run(run, "quick", "2026-11-22T09:00:00Z", "", this_machine()))
        made = result(name, run=run, machine=this_machine(), vision=gate(right, 100, passed=True))
        results.add(store, made)


def names(found) -> list[str]:
    return [one.model for group in found["best"].groups for one in group]


async def test_the_order_is_read_apart_and_again_when_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    really = orders.read_apart

    def counted():
        nonlocal read
        read += 1
        return really()

    monkeypatch.setattr(orders, "read_apart", counted)
    here = OrdersHere()
    assert await here() == {}
    keep("worse", 50)
    keep("better", 99)
    several = await asyncio.gather(*(here() for _ in range(5)))
    assert [names(found) for found in several] == [["better", "worse"]] * 5
    assert (read, names(await here())) == (1, ["better", "worse"])

    with Store(paths.results_file()) as store:  # a run begins: no result is new
        store.begin(Run("run-3", "quick", "2026-11-23T09:00:00Z", "", this_machine()))
    assert (names(await here()), read) == (["better", "worse"], 1)
    monkeypatch.setattr(orders, "read_apart", orders.orders_here)  # the same, without half a second
    keep("best", 100, "run-3")
    assert names(await here())[0] == "best"
    paths.results_file().unlink()
    for beside in paths.results_file().parent.glob(f"{paths.results_file().name}-*"):
        beside.unlink()
    assert await here() == {}


async def test_results_that_cannot_be_read_are_as_good_as_none(caplog: pytest.LogCaptureFixture) -> None:
    paths.results_file().write_bytes(b"this is no database" * 100)
    assert await OrdersHere()() == {}
    assert "cannot be read" in caplog.text


def test_what_another_machine_measured_does_not_count() -> None:
    with Store(paths.results_file()) as store:
        store.begin(Run("run-2", "quick", "2026-11-22T09:00:00Z", "", this_machine()))
        results.add(store, result("elsewhere"))
    assert names(orders.orders_here()) == []
