"""What two models of one run are compared by, as `bench` compares times; called by `twice` and `said`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from benchmarks.validity.running import One
from viewfinder.bench.metrics import answered
from viewfinder.bench.statistics import restarts
from viewfinder.bench.statistics.contrasts import Contrast
from viewfinder.bench.turns import Found
from viewfinder.client.exchange import Exchange

T = TypeVar("T")
Cells = dict[str, dict[int, float]]
"""Name of a cell > restart > what is typical of it."""


def cells(one: One) -> Cells:
    """Every time, speed and size that is measured once a restart; a restart that has none is left out."""
    images, texts = (_by_restart(one, scenario) for scenario in ("images", "texts"))
    named = {
        "image request": _each(images, lambda some: _typical(some, lambda x: x.e2e_s)),
        "first token, image": _each(images, lambda some: _typical(some, lambda x: x.ttft_s)),
        "first token, text": _each(texts, lambda some: _typical(some, lambda x: x.ttft_s)),
        "decode speed": _each(images, _speed),
        "load": _each(one.found, lambda found: found.load.ready_s if found.load else None),
        "first correct answer": _each(
            one.found, lambda found: found.load.first_correct_s if found.load else None
        ),
        "memory difference": _each(one.found, _grown),
    }
    return {name: values for name, values in named.items() if values}


def contrasts(one: Cells, other: Cells) -> dict[str, Contrast]:
    """What each cell's restarts differ by, block by block; only blocks that both have count."""
    found = {}
    for name in one.keys() & other.keys():
        blocks = sorted(one[name].keys() & other[name].keys())
        if len(blocks) > 1:
            ours, theirs = ([of[name][block] for block in blocks] for of in (one, other))
            found[name] = restarts.compare(ours, theirs, side_by_side=True)
    return found


def _by_restart(one: One, scenario: str) -> dict[int, list[Exchange]]:
    found: dict[int, list[Exchange]] = {}
    for asked in one.asked:
        if asked.scenario == scenario and answered(asked.exchange):
            found.setdefault(asked.process, []).append(asked.exchange)
    return found


def _each(of: Mapping[int, T], read: Callable[[T], float | None]) -> dict[int, float]:
    read_of = {block: read(value) for block, value in of.items()}
    return {block: value for block, value in read_of.items() if value is not None and value > 0}


def _typical(some: Sequence[Exchange], read: Callable[[Exchange], float | None]) -> float | None:
    values = [value for exchange in some if (value := read(exchange)) is not None]
    return restarts.of_restart(values) if values else None


def _speed(some: Sequence[Exchange]) -> float | None:
    """Tokens a second after the first, as `metrics.decode_rate` has it."""
    known = [x for x in some if x.last_token_s is not None and x.first_token_s is not None]
    seconds = sum((x.last_token_s or 0.0) - (x.first_token_s or 0.0) for x in known)
    return sum(x.later_tokens for x in known) / seconds if seconds > 0 else None


def _grown(found: Found) -> float | None:
    if not {"spawned", "steady"} <= found.memory.keys():
        return None
    return found.memory["steady"].footprint_bytes - found.memory["spawned"].footprint_bytes
