"""The simulation of benchmarks/scale is right where theory knows the answer, and so are its limits."""

import random
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.scale import growth
from benchmarks.scale.measured import Measured
from benchmarks.scale.page import page
from benchmarks.scale.simulation import Costs, Setup, Simulation

ROOT = Path(__file__).parents[2]
HELD_S = 0.1
ANY_NUMBER = 10**6


def fixed(_: random.Random) -> float:
    return HELD_S


def by_chance(random: random.Random) -> float:
    return random.expovariate(1 / HELD_S)


def erlang_c(servers: int, load: float) -> float:
    """The share of requests that wait, in M/M/c."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    used = load / servers
    return blocked / (1 - used * (1 - blocked))


def waited_s(slots: int, used: float, engine_s: Callable[[random.Random], float], **costs: float) -> float:
    """The mean wait for a slot in the simulation."""
    setup = Setup(nodes=1, slots=slots, target=ANY_NUMBER)
    seen = Simulation(setup, Costs(engine_s, lumps=1, **costs)).open_loop(slots * used / HELD_S, 50, 1500)
    return statistics.fmean(seen.waits_s) - HELD_S


@pytest.mark.parametrize("used", [0.5, 0.8])
def test_one_slot_and_answers_of_equal_length(used: float) -> None:
    """M/D/1: Pollaczek and Khinchine."""
    assert waited_s(1, used, fixed) == pytest.approx(used * HELD_S / (2 * (1 - used)), rel=0.15)


@pytest.mark.parametrize(("slots", "used"), [(1, 0.7), (4, 0.8)])
def test_slots_and_answers_by_chance(slots: int, used: float) -> None:
    """M/M/c: Erlang's C."""
    expected = erlang_c(slots, slots * used) * HELD_S / (slots * (1 - used))
    assert waited_s(slots, used, by_chance) == pytest.approx(expected, rel=0.15)


def test_a_gateway_is_a_queue_of_its_own() -> None:
    """M/D/1 again, before engines that are never full."""
    setup = Setup(nodes=1, slots=10**4, target=ANY_NUMBER)
    seen = Simulation(setup, Costs(fixed, gateway_s=0.01, lumps=1)).open_loop(70, 20, 200)
    waited = statistics.fmean(seen.waits_s) - HELD_S - 0.01
    assert waited == pytest.approx(0.7 * 0.01 / (2 * 0.3), rel=0.1)
    assert seen.gateways_used == pytest.approx(0.7, rel=0.05)


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_clients_get_what_the_slots_can_do(nodes: int) -> None:
    seen = Simulation(Setup(nodes, 4, 4), Costs(fixed, lumps=1)).closed_loop(8 * nodes, 2, 20)
    assert seen.per_s == pytest.approx(nodes * 4 / HELD_S, rel=0.02)
    assert seen.engines_used == pytest.approx(1, rel=0.02)


def test_the_page_is_made_of_what_was_found() -> None:
    assert (ROOT / "docs" / "scale.md").read_text(encoding="utf-8") == page(Measured.kept()), "Run: make docs"


def test_the_simulation_is_within_a_tenth_of_the_measurement() -> None:
    """That of the published run, once more, in short."""
    kept = Measured.kept()
    assert kept is not None
    for one in growth.beside(kept[0], seconds=5.0):
        assert abs(one.difference) < 0.12, one


def test_limits_are_sorted_and_found_where_they_are_passed() -> None:
    kept = Measured.kept()
    assert kept is not None
    limits = growth.limits(kept[0])
    known = [one.breaks_at for one in limits if one.breaks_at is not None]
    assert known == sorted(known)
    for one in limits:
        for nodes, used in one.used.items():
            assert (used > 1) == (one.breaks_at is not None and nodes >= one.breaks_at), one
