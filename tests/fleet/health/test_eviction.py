"""Who makes room: those that are missed least, and no more of them than needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.fleet.health.eviction import ModelSnapshot, victims


def one(name: str, holds_bytes: int = 4, idle_s: float = 10.0, reload_s: float = 1.0) -> ModelSnapshot:
    return ModelSnapshot(name, "ready", 0, None, holds_bytes, idle_s=idle_s, reload_s=reload_s)


@pytest.mark.parametrize(
    ("candidates", "missing_bytes", "expected"),
    [
        ([], 1, None),
        ([one("a")], 0, ()),
        ([one("a")], 5, None),
        ([one("a"), one("b", idle_s=20)], 4, ("b",)),
        ([one("a"), one("b", idle_s=20, reload_s=10)], 4, ("a",)),
        ([one("a"), one("b")], 5, ("a", "b")),
        ([one("b"), one("a")], 4, ("a",)),
        ([one("a", 0, idle_s=99), one("b")], 4, ("b",)),
        ([one("a", 1, idle_s=30), one("b", 9, idle_s=5)], 5, ("b",)),
        ([one("a", reload_s=0.0, idle_s=1), one("b", idle_s=9)], 4, ("a",)),
    ],
    ids=[
        "nobody", "nothing is missing", "too little", "the longest idle", "cheap to bring back", "both",
        "the same fleet gives the same answer", "who holds nothing frees nothing",
        "who turns out superfluous stays", "a reload is never free",
    ],
)  # fmt: skip
def test_victims(
    candidates: list[ModelSnapshot], missing_bytes: int, expected: tuple[str, ...] | None
) -> None:
    assert victims(candidates, missing_bytes) == expected


some = st.lists(
    st.builds(one, st.uuids().map(str), st.integers(0, 20), st.floats(0, 1e6), st.floats(0, 1e3)),
    max_size=8,
)


@given(some, st.integers(0, 60))
def test_enough_goes_and_not_one_too_many(candidates: list[ModelSnapshot], missing_bytes: int) -> None:
    holds = {candidate.name: candidate.holds_bytes for candidate in candidates}
    going = victims(candidates, missing_bytes)
    if going is None:
        assert sum(holds.values()) < missing_bytes
        return
    freed_bytes = sum(holds[name] for name in going)
    assert freed_bytes >= missing_bytes
    assert all(freed_bytes - holds[name] < missing_bytes for name in going)
