"""All that was measured, as it is published in docs/measured/scale.json; made by `__main__`, read by `growth`
and `page`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.scale.measuring import Rate
from viewfinder.measure.statistics.intervals import Interval

FILE = "scale.json"
FOLDER = Path(__file__).parents[2] / "docs" / "measured"
ByCount = dict[int, Interval]
ByPart = dict[str, dict[str, Interval]]


@dataclass(frozen=True, slots=True)
class Measured:
    """`processor_ms` by "one" (a gateway alone) and "many" (before Ray), by part, of a `request` without its
    chunks, of a `chunk`, and of a `picture` beyond a text. `idle` is in cores. The stand-in has `slots`, and
    holds one for `engine_ms`."""

    rates: tuple[Rate, ...]
    added_ms: dict[str, Interval]
    waits_ms: dict[str, dict[str, Interval]]
    idle: dict[str, float]
    processor_ms: dict[str, ByPart]
    router_ms: ByCount
    board: dict[str, Any]
    controller_ms: ByCount
    store_ms: dict[str, Interval]
    bytes: dict[str, int]
    engine_ms: float
    chunks: int
    slots: int
    load: tuple[float, float]
    """The machine's load average before and after, which is ours, too."""
    cores: int
    machine: str
    date: str
    took_s: float
    versions: str
    rounds: int

    def keep(self, folder: Path, others: dict[str, Any]) -> None:
        """Write it, with what was computed from it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps({"measured": asdict(self), **others}, indent=1) + "\n")

    @classmethod
    def kept(cls, folder: Path = FOLDER) -> tuple[Self, dict[str, Any]] | None:
        """The published run, and what was computed from it; None when there is none."""
        if not (folder / FILE).exists():
            return None
        document = json.loads((folder / FILE).read_text())
        fields = document.pop("measured")
        fields["load"] = tuple(fields["load"])
        fields["rates"] = tuple(Rate(**one) for one in fields["rates"])
        for name in ("router_ms", "controller_ms"):
            fields[name] = _by_count(fields[name])
        for name in ("report_ms", "look_ms"):
            fields["board"][name] = _by_count(fields["board"][name])
        return cls(**fields), document


def _by_count(kept: dict[str, Any]) -> dict[int, Any]:
    return {int(count): value for count, value in kept.items()}
