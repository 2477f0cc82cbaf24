"""What two models of a run are compared by: only what both have, and never a failed answer."""

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.validity.cells import cells, contrasts
from viewfinder.bench.metrics import Load
from viewfinder.bench.results.figures import Memory
from viewfinder.bench.statistics.contrasts import changed
from viewfinder.bench.turns import Found
from viewfinder.client.exchange import Exchange

MB = 1_000_000


def exchange(ttft_s: float, *, itl_s: float = 0.01, text: str = "a b c") -> Exchange:
    times_s = tuple(ttft_s + number * itl_s for number in range(3)) if text else ()
    return Exchange(
        started_s=0.0,
        finished_s=ttft_s + 2 * itl_s,
        first_token_s=ttft_s if text else None,
        last_token_s=ttft_s + 2 * itl_s if text else None,
        token_times_s=times_s,
        text=text,
        completion_tokens=3,
    )


def memory(size: int) -> Memory:
    return Memory(footprint_bytes=size, anonymous_bytes=size, swap_bytes=0, mapped_bytes=0, pss_bytes=size)


def one(ttft_s: float, *, restarts: int = 6, grown: int = 40 * MB, itl_s: float = 0.01) -> Any:
    """A model whose restarts differ by a thousandth."""
    asked, found = [], {}
    for restart in range(1, restarts + 1):
        late_s = ttft_s * (1 + restart / 1000)
        some = (exchange(late_s, itl_s=itl_s), exchange(0.001, text=""))
        asked += [SimpleNamespace(scenario="images", process=restart, exchange=x) for x in some]
        phases = {"spawned": memory(10 * MB), "steady": memory(10 * MB + grown + restart)}
        found[restart] = Found(load=Load(0.1, 0.2 + restart / 1000, 0.3, None), memory=phases)
    return SimpleNamespace(asked=asked, found=found)


def test_each_restart_has_its_typical_value_and_silence_has_none() -> None:
    found = cells(one(0.2))
    assert found["first token, image"][1] == pytest.approx(0.2002), "an empty answer is no quick one"
    assert found["decode speed"][3] == pytest.approx(100)
    assert found["memory difference"][2] == 40 * MB + 2
    assert found["load"][1] == pytest.approx(0.201)
    assert not {"first token, text", "first correct answer"} & found.keys(), "none was measured"


def test_a_longer_first_token_changes_nothing_else_but_the_request() -> None:
    found = contrasts(cells(one(0.4)), cells(one(0.2)))
    assert changed(found) == {"first token, image", "image request"}


def test_only_blocks_that_both_have_are_compared() -> None:
    assert contrasts(cells(one(0.2, restarts=1)), cells(one(0.2))) == {}
    assert contrasts(cells(one(0.2, restarts=3)), cells(one(0.2)))["load"].n == 3


def test_memory_that_shrank_is_no_cell() -> None:
    assert "memory difference" not in cells(one(0.2, grown=-5 * MB))
